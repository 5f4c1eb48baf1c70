"""QEMU's own log of this guest: libvirt's file, the file behind its standard error, or the one that -D names."""

import itertools
from collections.abc import Iterator

import msgspec

from crazytrain.collect.chardevs import reachable
from crazytrain.collect.look import Collector, Look
from crazytrain.collect.same import gone, still_same
from crazytrain.host.door import outcome_of
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome
from crazytrain.model.guest import Manager

TAIL_BYTES = 256 << 10
_MOST = 3
_READ_TIMEOUT_S = 1.5
_LIBVIRT = "/var/log/libvirt/qemu"
_DAEMONS = ("/var/log/libvirt/libvirtd.log", "/var/log/libvirt/virtqemud.log")
_DAEMON_BYTES = 128 << 10
_DAEMON_LINES = 40


async def collect_qemu_log(look: Look) -> None:
    """Keep ``qemu-log.0``, ... at the window's end, and ``qemu-log.libvirt`` with the lines of libvirt's daemon about this guest."""
    if look.light:
        return
    await look.host.sleep_until(look.end_ns)
    if not still_same(look.host, look.guest.process):
        look.keep(gone(look, "qemu-log.0", Kind.QEMU_LOG))
        return
    seen = [await _read(look, name, path) for name, path in _paths(look)]
    found = [one for one in seen if one.outcome is not Outcome.ABSENT] or seen[:1] or [_none(look)]
    for number, one in enumerate(found[:_MOST]):
        look.keep(msgspec.structs.replace(one, id=f"qemu-log.{number}"))
    if look.guest.manager is Manager.LIBVIRT:
        await _daemon(look)


def _paths(look: Look) -> Iterator[tuple[str, str]]:
    """(what it is called, where we find it) of each place that may hold the log, the likeliest last."""
    argv, pid = look.guest.command_line, look.guest.pid
    for option, value in itertools.pairwise(argv):
        if option in ("-D", "--D"):
            yield value, reachable(look.host, pid, value)
    output = f"/proc/{pid}/fd/2"
    target = _target(look, output)
    if target.startswith("/") and not target.startswith("/dev/"):
        yield target, output
    if look.guest.manager is Manager.LIBVIRT and "/" not in look.guest.name and look.guest.name not in ("", ".", ".."):
        path = f"{_LIBVIRT}/{look.guest.name}.log"
        yield path, path


def _target(look: Look, link: str) -> str:
    try:
        return look.host.link(link)
    except OSError:
        return ""


async def _read(look: Look, name: str, path: str) -> Evidence:
    try:
        data, size = await look.host.patiently(lambda: look.host.read_tail(path, TAIL_BYTES), _READ_TIMEOUT_S)
    except OSError as error:
        return _evidence(look, name, *outcome_of(error))
    if size > len(data):
        return _evidence(look, name, Outcome.TRUNCATED, f"the last {len(data):,} of {size:,} bytes", data)
    return _evidence(look, name, Outcome.OK, "" if data else "QEMU has written nothing", data)


async def _daemon(look: Look) -> None:
    """The daemon's log is about every guest: only what names this one is kept."""
    wanted = [word.encode() for word in (look.guest.name, look.guest.uuid) if len(word) > 2]
    for path in _DAEMONS:
        whole = await _read(look, path, path)
        if not whole.usable:
            continue
        lines = whole.data[-_DAEMON_BYTES:].splitlines(keepends=True)
        own = [line for line in lines if any(word in line for word in wanted)][-_DAEMON_LINES:]
        data = b"".join(own)
        detail = f"{len(own)} lines that name this guest"
        look.keep(msgspec.structs.replace(whole, id="qemu-log.libvirt", data=data, detail=detail, outcome=Outcome.OK))
        return


def _none(look: Look) -> Evidence:
    return _evidence(
        look,
        f"/proc/{look.guest.pid}/fd/2",
        Outcome.ABSENT,
        "QEMU's standard error goes to no file, and no -D names one",
    )


def _evidence(look: Look, source: str, outcome: Outcome, detail: str, data: bytes = b"") -> Evidence:
    return Evidence(
        id="qemu-log.0",
        kind=Kind.QEMU_LOG,
        source=source,
        outcome=outcome,
        detail=detail,
        data=data,
        mono_ns=look.host.mono_ns(),
        wall_ns=look.host.wall_ns(),
    )


COLLECTOR = Collector(
    name="qemu-log",
    cost=Cost.READS,
    timeout_s=_READ_TIMEOUT_S * (_MOST + 2),
    limit_bytes=_MOST * TAIL_BYTES + _DAEMON_BYTES,
    run=collect_qemu_log,
    cpu_ns=5_000_000,
)
