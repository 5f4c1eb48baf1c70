"""Two snapshots of one kind in pasted text: the same facts as a live look has, where the text tells how far apart they are.

Each deriver here gives the snapshots the moments that the text tells (`when`) and hands them to the deriver of live readings.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from crazytrain.derive.balloon import derive_balloon
from crazytrain.derive.block import derive_block
from crazytrain.derive.interrupts import derive_interrupts
from crazytrain.derive.kvm_stats import derive_kvm_stats
from crazytrain.derive.threads import derive_threads
from crazytrain.derive.when import timing
from crazytrain.model.evidence import Ref
from crazytrain.model.facts import (
    Facts,
    InterruptRates,
    IrqReading,
    KvmStatReading,
    KvmStats,
    TaskTable,
    ThreadActivity,
    ThreadRole,
)
from crazytrain.model.facts.block import BlockReading, BlockUse
from crazytrain.model.facts.moments import (
    GuestMemory,
    InterruptReading,
    LinuxInterrupts,
    LinuxIrqRate,
    ProcessTicks,
    TasksPrinted,
)
from crazytrain.model.facts.services import Balloon, BalloonUse
from crazytrain.model.facts.threads import ProcessUse

_SECOND_NS = 10**9
_PASTED = "pasted"
_TICKS_PER_S = 100

T = TypeVar("T", bound=msgspec.Struct)


def ref_of(reading: object) -> Ref:
    """Where a reading stands."""
    refs: Sequence[Ref] = getattr(reading, "refs", ())
    ref = getattr(reading, "ref", None)
    return ref if isinstance(ref, Ref) else refs[0]


def untimed(facts: Facts, kind: type[T]) -> tuple[T, ...]:
    """Readings of one kind that do not know when they were made; none where others of them do."""
    every = facts.all(kind)
    if any(getattr(one, "mono_ns", 0) for one in every):
        return ()
    return every


def _timed(facts: Facts, readings: Sequence[T]) -> tuple[T, ...]:
    """The same readings with their moments; nothing where those are not told."""
    found = timing([ref_of(one) for one in readings], facts)
    if found is None:
        return ()
    moments = zip(readings, found.at_ns, strict=True)
    return tuple(replace(one, mono_ns=_SECOND_NS + at_ns) for one, at_ns in moments)


def _with(facts: Facts, readings: Sequence[object]) -> Facts:
    """The facts with these readings in place of all others of their kind."""
    kind = type(readings[0])
    return Facts((*(one for one in facts if type(one) is not kind), *readings))


def derive_pasted_interrupts(facts: Facts) -> InterruptRates | None:
    """``info irq`` twice."""
    readings = _timed(facts, untimed(facts, IrqReading))
    return derive_interrupts(_with(facts, readings)) if readings else None


def derive_pasted_block(facts: Facts) -> BlockUse | None:
    """``info blockstats``, ``query-blockstats`` or ``domstats`` twice."""
    readings = _timed(facts, untimed(facts, BlockReading))
    return derive_block(_with(facts, readings)) if readings else None


def derive_pasted_kvm_stats(facts: Facts) -> KvmStats | None:
    """Counters of KVM twice: of ``domstats``, ``query-stats`` or debugfs."""
    readings = _timed(facts, untimed(facts, KvmStatReading))
    same = tuple(
        replace(one, ref=replace(one.ref, evidence=_PASTED)) for one in readings
    )  # one source, several regions
    found = derive_kvm_stats(_with(facts, same)) if same else None
    return replace(found, refs=(readings[0].ref, readings[-1].ref)) if found else None


def derive_pasted_balloon(facts: Facts) -> BalloonUse | None:
    """``info balloon``, ``dommemstat`` or ``domstats`` twice, the one that was watched for longest."""
    printed: dict[str, list[Balloon]] = defaultdict(list)
    for one in facts.all(GuestMemory):
        printed[one.told_by].append(Balloon(mono_ns=0, actual_bytes=one.actual_bytes, refs=(one.ref,)))
    groups = [untimed(facts, Balloon), *printed.values()]
    timed = (derive_balloon(_with(facts, readings)) for group in groups if (readings := _timed(facts, group)))
    return max((use for use in timed if use), key=lambda use: use.window_ns, default=None)


def derive_pasted_threads(facts: Facts) -> ThreadActivity | None:
    """Files of threads twice, where the main loop and all vCPUs are among them: of some of them alone nothing follows for the rest.

    A table that ``top`` or others printed counts more.
    """
    readings = _timed(facts, untimed(facts, TasksPrinted))
    if not readings or facts.get(ThreadActivity) is not None:
        return None
    tables = tuple(replace(one.table, mono_ns=one.mono_ns) for one in readings)
    found = derive_threads(Facts((*(one for one in facts if not isinstance(one, TaskTable)), *tables)))
    return found if found and _whole(found) else None


def _whole(threads: ThreadActivity) -> bool:
    vcpus = sorted(use.vcpu for use in threads.of(ThreadRole.VCPU) if use.vcpu is not None)
    return bool(vcpus and threads.of(ThreadRole.MAIN_LOOP)) and vcpus == list(range(len(vcpus)))


def derive_pasted_process(facts: Facts) -> ProcessUse | None:
    """``/proc/PID/stat`` twice, of the process that is there last."""
    every = untimed(facts, ProcessTicks)
    readings = _timed(facts, [one for one in every if one.pid == every[-1].pid])
    if not readings or readings[-1].ticks < readings[0].ticks:
        return None
    first, last = readings[0], readings[-1]
    ratio = (last.ticks - first.ticks) / _TICKS_PER_S * _SECOND_NS / (last.mono_ns - first.mono_ns)
    return ProcessUse(pid=last.pid, comm=last.comm, cpu_ratio=ratio, refs=(first.ref, last.ref))


def derive_linux_interrupts(facts: Facts) -> LinuxInterrupts | None:
    """``/proc/interrupts`` twice. A line that counts less than before is of another boot: nothing is told then."""
    readings = _timed(facts, untimed(facts, InterruptReading))
    if not readings:
        return None
    first, last = readings[0], readings[-1]
    window_ns = last.mono_ns - first.mono_ns
    before = {name: number for name, _, number in first.rows}
    grown = [(name, what, number - before[name]) for name, what, number in last.rows if name in before]
    if any(more < 0 for _, _, more in grown):
        return None
    rates = (LinuxIrqRate(name, what, more * _SECOND_NS / window_ns) for name, what, more in grown if more)
    return LinuxInterrupts(
        window_ns=window_ns,
        rates=tuple(sorted(rates, key=lambda rate: -rate.per_s)),
        guest=True if first.guest or last.guest else None,
        cpus=last.cpus,
        refs=(first.ref, last.ref),
    )


Deriver = Callable[[Facts], object | None]
PASTED_DERIVERS: tuple[Deriver, ...] = (
    derive_pasted_interrupts,
    derive_pasted_block,
    derive_pasted_kvm_stats,
    derive_pasted_balloon,
    derive_pasted_threads,
    derive_pasted_process,
    derive_linux_interrupts,
)
