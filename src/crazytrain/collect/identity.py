"""Who the process is: command line, program and its version, control group, limits, memory, start time."""

from crazytrain.collect.look import Collector, Look
from crazytrain.collect.parts import bundle, link_part, read_part, ticks_part
from crazytrain.collect.same import gone, still_same
from crazytrain.host.door import Host, outcome_of
from crazytrain.model.bundle import Part
from crazytrain.model.evidence import Cost, Kind, Outcome

# cmdline takes the lock of the process's memory, which a hung process may hold for ever: it is read last, and alone.
_FILES = ("stat", "status", "comm", "cgroup", "limits", "io")
_COMMAND_LINE_BYTES = 1 << 20
_READ_TIMEOUT_S = 2.0
# What `qemu --version` prints lies in the program as one string. The running one's is read, whatever stands at its path by now.
_VERSION = b"QEMU emulator version "
_VERSION_BYTES = 160
_BLOCK_BYTES = 4 << 20
_MOST_BLOCKS = 32


async def collect_identity(look: Look) -> None:
    """Keep ``identity.0`` (stat, status, comm, cgroup, limits, io, exe, uptime), ``identity.1`` (cmdline) and ``identity.2`` (its version)."""
    host, folder = look.host, f"/proc/{look.guest.pid}"
    if not still_same(host, look.guest.process):
        look.keep(gone(look, "identity.0", Kind.IDENTITY))
        return
    look.keep(await bundle(host, ("identity.0", Kind.IDENTITY, folder), lambda: _quick(host, folder), _READ_TIMEOUT_S))
    path = f"{folder}/cmdline"
    label = ("identity.1", Kind.IDENTITY, path)
    look.keep(await bundle(host, label, lambda: (read_part(host, path, _COMMAND_LINE_BYTES),), _READ_TIMEOUT_S))
    if not look.light:
        await _keep_version(look, f"{folder}/exe")


async def _keep_version(look: Look, path: str) -> None:
    label = ("identity.2", Kind.IDENTITY, f"{path}, its text")
    seen = await bundle(look.host, label, lambda: (_version(look.host, path),), _READ_TIMEOUT_S)
    same = still_same(look.host, look.guest.process)
    look.keep(seen if same else gone(look, "identity.2", Kind.IDENTITY))


def _version(host: Host, path: str) -> Part:
    """The string in the program that tells its version; absent where there is none."""
    name = f"{path}:version"
    for number in range(_MOST_BLOCKS):
        try:
            block = host.read_at(path, number * _BLOCK_BYTES, _BLOCK_BYTES + _VERSION_BYTES)
        except OSError as error:
            return Part(name, outcome=outcome_of(error)[0])
        at = block.find(_VERSION)
        if at >= 0:
            return Part(name, block[at : at + _VERSION_BYTES].partition(b"\n")[0].partition(b"\0")[0])
        if len(block) < _BLOCK_BYTES:
            break
    return Part(name, outcome=Outcome.ABSENT)


def _quick(host: Host, folder: str) -> tuple[Part, ...]:
    own = (read_part(host, f"{folder}/{name}") for name in _FILES)
    boot = read_part(host, "/proc/sys/kernel/random/boot_id")
    return (*own, link_part(host, f"{folder}/exe"), read_part(host, "/proc/uptime"), boot, ticks_part(host))


COLLECTOR = Collector(name="identity", cost=Cost.READS, timeout_s=5.0, limit_bytes=2 << 20, run=collect_identity)
