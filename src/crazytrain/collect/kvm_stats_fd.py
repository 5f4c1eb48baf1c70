"""KVM's own counters, where QEMU keeps them open: they need no monitor and no tracing, and cost the guest nothing.

QEMU 8 and later holds one statistics descriptor for each vCPU and one for the VM. They are read through copies.
"""

from collections.abc import Iterator, Sequence

import msgspec

from crazytrain.collect.look import Collector, Look
from crazytrain.collect.same import gone, still_same
from crazytrain.host.door import Host, outcome_of
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome
from crazytrain.model.fdkind import kind_of
from crazytrain.model.guest import Accelerator, ProcessId

_NAME = "kvm-stats"
_MOST = 65  # the VM and its first 64 vCPUs
_MOST_BYTES = 64 << 10  # of one; a vCPU's are 6 KiB
_READ_TIMEOUT_S = 3.0
_NONE = "QEMU keeps no statistics of KVM open (it does from version 8 on, under KVM)"


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of the evidence: one descriptor's link, when it was read, and its bytes in hexadecimal, or why not."""

    fd: int
    target: str
    mono_ns: int
    hex: str = ""
    error: str = ""


async def collect_kvm_stats(look: Look) -> None:
    """Keep ``kvm-stats.0`` at the window's start and ``kvm-stats.1`` at its end; no second one where there was none."""
    for number, moment_ns in enumerate((look.start_ns, look.end_ns)):
        await look.host.sleep_until(moment_ns)
        name = f"{_NAME}.{number}"
        if not still_same(look.host, look.guest.process):
            look.keep(gone(look, name, Kind.KVM_STATS))
            return
        seen = await _reading(look, name)
        look.keep(seen)
        if not seen.usable:
            return


async def _reading(look: Look, name: str) -> Evidence:
    host, process = look.host, look.guest.process
    begin_ns, wall_ns = host.mono_ns(), host.wall_ns()
    try:
        lines = await host.patiently(lambda: tuple(_lines(host, process)), _READ_TIMEOUT_S)
        outcome, detail = _judged(look, lines)
    except OSError as error:
        lines, (outcome, detail) = (), outcome_of(error)
    return Evidence(
        id=name,
        kind=Kind.KVM_STATS,
        source=f"statistics of KVM that pid {process.pid} holds open",
        outcome=outcome,
        detail=detail,
        data=b"".join(msgspec.json.encode(line) + b"\n" for line in lines) if outcome is Outcome.OK else b"",
        mono_ns=begin_ns,
        wall_ns=wall_ns,
        took_ns=host.mono_ns() - begin_ns,
    )


def _lines(host: Host, process: ProcessId) -> Iterator[Line]:
    folder = f"/proc/{process.pid}/fd"
    found = [(int(fd), target) for fd in host.names(folder) if (target := _target(host, f"{folder}/{fd}"))]
    for fd, target in found[:_MOST]:
        moment_ns = host.mono_ns()
        try:
            yield Line(fd, target, moment_ns, host.read_opened(process, fd, 0, _MOST_BYTES).hex())
        except OSError as error:
            outcome, said = outcome_of(error)
            yield Line(fd, target, moment_ns, error=f"{outcome.value}: {said}")


def _target(host: Host, path: str) -> str:
    """The link's target where it is one of KVM's statistics, else nothing; a descriptor may be closed meanwhile."""
    try:
        target = host.link(path)
    except OSError:
        return ""
    return target if kind_of(target) == "kvm-stats" else ""


def _judged(look: Look, lines: Sequence[Line]) -> tuple[Outcome, str]:
    if not lines:
        tcg = look.guest.accelerator is Accelerator.TCG
        return Outcome.ABSENT, "the guest does not run on KVM" if tcg else _NONE
    if any(line.hex for line in lines):
        return Outcome.OK, ""
    refused = next(line.error for line in lines)
    return Outcome.DENIED if refused.startswith(Outcome.DENIED.value) else Outcome.BROKE, refused


COLLECTOR = Collector(name=_NAME, cost=Cost.READS, timeout_s=8.0, limit_bytes=4 << 20, run=collect_kvm_stats)
