"""Lines that come again and again in one paste, and words that were taken for more than they say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.guest_tool_lines import decode_guest_tool_lines
from crazytrain.decode.repeated_lines import decode_repeated_lines
from crazytrain.decode.told import decode_told
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.told import Told, Topic
from crazytrain.model.facts.tool_lines import ToolLine
from crazytrain.model.facts.tool_lines import ToolMeaning as M


def paste(text: str, kind: Kind = Kind.TEXT) -> Evidence:
    return Evidence(id="paste", kind=kind, source="paste", data=text.encode())


def meanings(text: str) -> list[M]:
    return [fact.meaning for fact in decode_repeated_lines(paste(text)) if isinstance(fact, ToolLine)]


def told(text: str) -> set[Topic]:
    return {one.topic for one in decode_told(paste(text, Kind.TOLD)) if isinstance(one, Told)}


BANNER = "SeaBIOS (version 9.9)\n\niPXE (http://ipxe.org) 00:07.0\n\nBooting from ROM..\n"
GROWS = "".join(f"[    {n}.000000] probe {n}\n" for n in range(80))
PAGE = "CPU 1/KVM-7 [002] 5.1: kvm_mmu_spte_requested: gfn {} pfn 8f level 1\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (BANNER * 3, [M.FIRMWARE_AGAIN]),
        (BANNER * 2, []),
        ((BANNER + GROWS) * 3, []),
        (("$ qemu-system-x86_64 -kernel bzImage\n" + BANNER) * 4, []),
        ("BdsDxe: starting Boot0004 from here\n" * 3, [M.FIRMWARE_AGAIN]),
        ("BdsDxe: starting Boot0004\nBdsDxe: starting Boot0005\nBdsDxe: starting Boot0006\n", []),
        (PAGE.format("ab1") * 5, [M.SAME_PAGE]),
        ("".join(PAGE.format(f"ab{n}") for n in range(9)), []),
        ("[   61.000000] eth0: link up\n[   61.200000] ------------[ cut here ]------------\n\n", [M.TRACE_CUT]),
        ("------------[ cut here ]------------\nkernel BUG at mm/slab.c:9!\n", []),
    ],
)
def test_what_comes_again(text: str, found: list[M]) -> None:
    assert meanings(text) == found


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("[    0.5] smpboot: CPU0: Intel QEMU TCG CPU version 9.1 (family: 0x6)", M.TCG_CPU),
        ("  useEmulation: true", M.EMULATION_SET),
        ("virt_type = qemu", M.EMULATION_SET),
    ],
)
def test_emulation_is_named(text: str, meaning: M) -> None:
    assert [fact.meaning for fact in decode_guest_tool_lines(paste(text)) if isinstance(fact, ToolLine)] == [meaning]


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("The installer starts again from the beginning, again and again.", Topic.RESETS),
        ("A process in it grew to 30 GB and the guest stood.", Topic.GUEST_SWAP),
        ("The guest's own memory pressure was high.", Topic.GUEST_SWAP),
        ("Since a newer kernel of the host it has no second CPU.", Topic.HOST_KERNEL),
        ("The controller was handed through to a guest.", Topic.PASSTHROUGH),
        ("Nobody in that class has any way in, there is no access to /dev/kvm here.", Topic.EMULATED),
    ],
)
def test_what_is_spoken_of(text: str, topic: Topic) -> None:
    assert topic in told(text)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("There is nothing on the serial line of that guest.", Topic.CHARDEV),
        ("It stands for 4 seconds and then restarts.", Topic.RECOVERS),
        ("A cloud VM of cloud-hypervisor stops at boot.", Topic.NESTED),
        ("The guest's own memory pressure was high.", Topic.HOST_MEMORY),
        ("It hangs for a second and begins anew, again and again.", Topic.RECOVERS),
        ("The check says that /dev/vhost-net exists.", Topic.VHOST),
    ],
)
def test_what_is_not_meant(text: str, topic: Topic) -> None:
    assert topic not in told(text)


def test_what_starts_over_is_not_well_with_its_kernel() -> None:
    said = "A host of mine (kernel 5.4.9) has a guest that starts again from the beginning."
    assert Topic.HOST_KERNEL not in told(said)


@given(st.lists(st.sampled_from([*BANNER.split("\n"), PAGE.format("1"), "$ virsh start vm", ""]), max_size=60))
def test_any_mixture_is_read(lines: list[str]) -> None:
    for fact in decode_repeated_lines(paste("\n".join(lines))):
        assert isinstance(fact, ToolLine)
