"""Descriptors are read at both ends of the window, with the lines of the socket tables that are theirs."""

import asyncio
import os

from crazytrain.collect.descriptors import DESCRIPTOR_LIMIT, collect_descriptors
from crazytrain.host.fake import FakeHost
from crazytrain.model.bundle import unpack
from crazytrain.model.evidence import Outcome
from tests.collect.making import DENIED, HOST_FILES, ChangingHost, a_guest, look_at, process

UNIX = b"""Num       RefCount Protocol Flags    Type St Inode Path
0000000084f0f23e: 00000002 00000000 00010000 0001 01  6799 /run/web01.sock
0000000084f0f23f: 00000003 00000000 00000000 0001 03  6800 /run/of-another.sock
"""
TCP = b"""  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:170C 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 5900 1 0 100 0 0 10 0
   1: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 5901 1 0 100 0 0 10 0
"""
FILES = {
    **HOST_FILES,
    **process(700, "qemu-system-x86", ["q"]),
    "/proc/700/fdinfo/4": b"pos:\t0\neventfd-count:                3\neventfd-id: 10\n",
    "/proc/700/net/unix": UNIX,
    "/proc/700/net/tcp": TCP,
}
LINKS: dict[str, str | OSError] = {
    "/proc/700/fd/3": "socket:[6799]",
    "/proc/700/fd/4": "anon_inode:[eventfd]",
    "/proc/700/fd/5": "anon_inode:[io_uring]",
}


def parts_of(data: bytes) -> dict[str, bytes]:
    return {part.name: part.data for part in unpack(data)}


def test_links_details_and_own_sockets_are_kept_at_both_ends() -> None:
    look, kept = look_at(FakeHost(FILES, links=LINKS), a_guest(700))
    asyncio.run(collect_descriptors(look))
    assert [(e.id, e.outcome) for e in kept] == [("descriptors.0", Outcome.OK), ("descriptors.1", Outcome.OK)]
    parts = parts_of(kept[0].data)
    assert parts["/proc/700/fd/4"] == b"anon_inode:[eventfd]"
    assert b"eventfd-id: 10" in parts["/proc/700/fdinfo/4"]
    assert b"/run/web01.sock" in parts["/proc/700/net/unix"]
    assert b"of-another" not in parts["/proc/700/net/unix"]


def test_the_details_of_a_ring_are_never_asked_for() -> None:
    look, kept = look_at(FakeHost(FILES, links=LINKS), a_guest(700))
    asyncio.run(collect_descriptors(look))
    assert "/proc/700/fdinfo/5" not in parts_of(kept[0].data)


def test_tcp_is_read_only_for_sockets_that_unix_does_not_name() -> None:
    look, kept = look_at(FakeHost(FILES, links=LINKS), a_guest(700))
    asyncio.run(collect_descriptors(look))
    assert "/proc/700/net/tcp" not in parts_of(kept[0].data)
    look, kept = look_at(FakeHost(FILES, links={**LINKS, "/proc/700/fd/9": "socket:[5900]"}), a_guest(700))
    asyncio.run(collect_descriptors(look))
    table = parts_of(kept[0].data)["/proc/700/net/tcp"]
    assert b"0100007F:170C" in table
    assert b"0100007F:0050" not in table


def test_a_light_look_reads_once() -> None:
    look, kept = look_at(FakeHost(FILES, links=LINKS), a_guest(700), light=True)
    asyncio.run(collect_descriptors(look))
    assert [e.id for e in kept] == ["descriptors.0"]


def test_an_ordinary_user_is_denied_and_told_so() -> None:
    class Denying(FakeHost):
        def names(self, path: str) -> tuple[str, ...]:
            if path.endswith("/fd"):
                raise DENIED
            return super().names(path)

    look, kept = look_at(Denying(FILES), a_guest(700))
    asyncio.run(collect_descriptors(look))
    assert [(e.outcome, e.detail, e.data) for e in kept] == [(Outcome.DENIED, "Permission denied", b"")] * 2


def test_one_link_that_is_denied_hides_no_other() -> None:
    look, kept = look_at(FakeHost(FILES, links={**LINKS, "/proc/700/fd/3": DENIED}), a_guest(700))
    asyncio.run(collect_descriptors(look))
    assert kept[0].outcome is Outcome.OK
    assert "/proc/700/fd/3: denied" in kept[0].detail
    assert parts_of(kept[0].data)["/proc/700/fd/4"] == b"anon_inode:[eventfd]"


def test_descriptors_are_bounded_and_that_is_told() -> None:
    links: dict[str, str | OSError] = {f"/proc/700/fd/{n}": "/dev/null" for n in range(DESCRIPTOR_LIMIT + 4)}
    look, kept = look_at(FakeHost(FILES, links=links), a_guest(700), light=True)
    asyncio.run(collect_descriptors(look))
    assert kept[0].outcome is Outcome.TRUNCATED
    assert kept[0].detail == f"{DESCRIPTOR_LIMIT} of {DESCRIPTOR_LIMIT + 4} descriptors"


def test_a_process_that_ended_before_the_windows_end() -> None:
    host = ChangingHost(FILES, [(10**9, "/proc/700/stat", FileNotFoundError(2, os.strerror(2)))])
    host.links = dict(LINKS)
    look, kept = look_at(host, a_guest(700))
    asyncio.run(collect_descriptors(look))
    assert [e.outcome for e in kept] == [Outcome.OK, Outcome.ABSENT]
