"""Which descriptors the guest's process has open: links, fdinfo, and the names of its sockets."""

import re
from collections.abc import Iterator, Sequence

import msgspec

from crazytrain.collect.look import Collector, Look
from crazytrain.collect.parts import bundle, link_part, read_part
from crazytrain.collect.same import gone, still_same
from crazytrain.host.door import FILE_LIMIT_BYTES, Host
from crazytrain.model.bundle import Part
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome
from crazytrain.model.fdkind import kind_of

DESCRIPTOR_LIMIT = 4096
_FDINFO_BYTES = 8 << 10
_READ_TIMEOUT_S = 3.0
_SOCKET = re.compile(rb"socket:\[(\d{1,20})\]")
_TCP_INODE = 9  # column of /proc/net/tcp, counted from 0
_UNIX_INODE = 6  # column of /proc/net/unix
# The kernel writes down a whole ring under its lock for these; what it says is of no use here.
_WITHOUT_FDINFO = frozenset(("io_uring",))


async def collect_descriptors(look: Look) -> None:
    """Keep ``descriptors.0`` at the window's start and ``descriptors.1`` at its end; a light look has no second one."""
    await _keep_descriptors(look, "descriptors.0")
    if not look.light:
        await look.host.sleep_until(look.end_ns)
        await _keep_descriptors(look, "descriptors.1")


async def _keep_descriptors(look: Look, name: str) -> None:
    if still_same(look.host, look.guest.process):
        look.keep(await descriptors_now(look.host, look.guest.pid, name))
    else:
        look.keep(gone(look, name, Kind.DESCRIPTORS))


async def descriptors_now(host: Host, pid: int, name: str) -> Evidence:
    """Read all descriptors of one process, the first ``DESCRIPTOR_LIMIT`` where it has more."""
    folder = f"/proc/{pid}"
    fds: list[str] = []

    def read() -> tuple[Part, ...]:
        fds.extend(host.names(f"{folder}/fd"))
        links = [link_part(host, f"{folder}/fd/{fd}") for fd in fds[:DESCRIPTOR_LIMIT]]
        return (*links, *_details(host, folder, links), *_sockets(host, folder, links))

    seen = await bundle(host, (name, Kind.DESCRIPTORS, f"{folder}/fd"), read, _READ_TIMEOUT_S)
    if len(fds) <= DESCRIPTOR_LIMIT or seen.outcome is not Outcome.OK:
        return seen
    said = f"{DESCRIPTOR_LIMIT} of {len(fds)} descriptors"
    return msgspec.structs.replace(seen, outcome=Outcome.TRUNCATED, detail=said)


def _details(host: Host, folder: str, links: Sequence[Part]) -> Iterator[Part]:
    for link in links:
        if link.outcome is Outcome.OK and kind_of(link.text) not in _WITHOUT_FDINFO:
            yield read_part(host, f"{folder}/fdinfo/{link.name.rpartition('/')[2]}", _FDINFO_BYTES)


def _sockets(host: Host, folder: str, links: Sequence[Part]) -> Iterator[Part]:
    """Lines of the socket tables that name a socket of ours; TCP only where unix did not name them all."""
    wanted = {found[1] for link in links if (found := _SOCKET.fullmatch(link.data))}
    for name, column in (("unix", _UNIX_INODE), ("tcp", _TCP_INODE), ("tcp6", _TCP_INODE)):
        if not wanted:
            return
        table = read_part(host, f"{folder}/net/{name}", FILE_LIMIT_BYTES)
        lines = table.data.splitlines(keepends=True)
        ours = {inode: line for line in lines[1:] if (inode := _column(line, column)) in wanted}
        wanted -= ours.keys()
        yield Part(table.name, b"".join((*lines[:1], *ours.values())), table.outcome)


def _column(line: bytes, number: int) -> bytes:
    columns = line.split(None, number + 1)
    return columns[number] if len(columns) > number else b""


COLLECTOR = Collector(name="descriptors", cost=Cost.READS, timeout_s=8.0, limit_bytes=8 << 20, run=collect_descriptors)
