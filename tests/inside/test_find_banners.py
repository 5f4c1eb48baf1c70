"""What a guest without readable symbols runs is told by its strings, and only as far as they prove it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.inside.find_banners import UNKNOWN, find_banners
from crazytrain.inside.memory import Recorded
from crazytrain.model.facts.inside import FoundBy
from crazytrain.model.guest_memory import PAGE_BYTES
from tests.inside.built_kernel import LARGE, Form, Place, build, some_symbols, vcpu

LINUX_32 = b"Linux version 5.10.0-28-686 (debian-kernel@lists.debian.org) (gcc-10 10.2.1) #1 SMP Debian 5.10.209-2 (2024-01-31)\n"
FREEBSD = b"FreeBSD 13.2-RELEASE releng/13.2-n254617-525ecfdad597 GENERIC\n"
OPENBSD = b"OpenBSD 7.4 (GENERIC.MP) #1397: Tue Oct 10 09:02:37 MDT 2023\n"
NETBSD = b"NetBSD 9.3 (GENERIC) #0: Thu Aug  4 15:30:37 UTC 2022\n"
WINDOWS = b"\0" + b"22621.1.amd64fre.ni_release.220506-1250\0"
SEABIOS = b"SeaBIOS (version 1.16.2-debian-1.16.2-1)\n\0"


def ram(*texts: bytes) -> Recorded:
    """Each text in a page of its own."""
    return Recorded(
        {100 + 7 * number: (b"\0" * 40 + text).ljust(PAGE_BYTES, b"\0") for number, text in enumerate(texts)}
    )


@pytest.mark.parametrize(
    ("text", "system", "release"),
    [
        (LINUX_32, "Linux", "5.10.0-28-686"),
        (FREEBSD, "FreeBSD", "13.2-RELEASE"),
        (OPENBSD, "OpenBSD", "7.4"),
        (NETBSD, "NetBSD", "9.3"),
        (WINDOWS, "Windows", "22621.1.amd64fre.ni_release.220506-1250"),
        (SEABIOS, "SeaBIOS", ""),
    ],
)
def test_a_system_is_told_by_its_banner(text: bytes, system: str, release: str) -> None:
    (found,) = find_banners(ram(text))
    assert (found.system, found.release, found.found_by) == (system, release, FoundBy.BANNER)
    assert found.banner.encode() == text.strip(b"\0\n")


def test_a_system_counts_before_its_firmware() -> None:
    assert [one.system for one in find_banners(ram(SEABIOS, FREEBSD))] == ["FreeBSD"]


def test_strings_of_several_systems_are_no_proof_of_any() -> None:
    first, *rest = find_banners(ram(FREEBSD, LINUX_32))
    assert first.system == UNKNOWN
    assert "none is proof" in first.banner
    assert {one.system for one in rest} == {"FreeBSD", "Linux"}


def test_the_one_that_page_tables_map_is_the_one_that_runs() -> None:
    form = Form()
    it = build(some_symbols(1, 600, form), form, Place())
    page = (it.place.physical + LARGE) // PAGE_BYTES
    memory = Recorded(it.pages | {page: FREEBSD.ljust(PAGE_BYTES, b"\0"), 3: LINUX_32.ljust(PAGE_BYTES, b"\0")})
    (found,) = find_banners(memory, it.registers)
    assert (found.system, found.found_by) == ("FreeBSD", FoundBy.PAGE_TABLE)
    assert find_banners(memory, (vcpu(0x9000),))[0].system == UNKNOWN


@pytest.mark.parametrize(
    "text",
    [
        b"Linux version %s (%s) %s",
        b"a manual of Linux version 2.6 and of FreeBSD 4, OpenBSD and NetBSD",
        b"FreeBSD \0OpenBSD \0NetBSD \0.amd64fre.\0",
        b"GNU GRUB  version %s",
    ],
)
def test_what_only_speaks_of_a_system_is_none(text: bytes) -> None:
    assert list(find_banners(ram(text))) == []


def test_only_so_much_is_looked_at() -> None:
    pages = {number: bytes(PAGE_BYTES) for number in range(64)} | {64: FREEBSD.ljust(PAGE_BYTES, b"\0")}
    assert list(find_banners(Recorded(pages), most_bytes=32 * PAGE_BYTES)) == []
    assert [one.system for one in find_banners(Recorded(pages))] == ["FreeBSD"]


@given(
    st.lists(
        st.sampled_from((LINUX_32, FREEBSD, OPENBSD, WINDOWS, SEABIOS, b"\xff" * 40)) | st.binary(max_size=300),
        max_size=12,
    )
)
def test_any_text_is_taken(texts: list[bytes]) -> None:
    for found in find_banners(ram(b"".join(texts))):
        assert len(found.banner) <= 600
        assert found.found_by is FoundBy.BANNER
