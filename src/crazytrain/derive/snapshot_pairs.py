"""Which kinds of snapshots a pasted text holds more than once, how far apart they are, and what grew most between them."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from crazytrain.derive.snapshots import ref_of, untimed
from crazytrain.derive.when import timing
from crazytrain.model.facts import Facts, IrqReading, KvmStatReading
from crazytrain.model.facts.block import BlockReading
from crazytrain.model.facts.host_tables import CpuRow, CpuTable
from crazytrain.model.facts.moments import (
    CpuTicksReading,
    GuestMemory,
    InterruptReading,
    ProcessTicks,
    SnapshotPair,
    Snapshots,
    TasksPrinted,
)

_SHOWN = 3
_SECOND_NS = 10**9
_TICKS_PER_S = 100
_ALL = -1
_LEAST_TICKS = 20  # less than that is too little to make shares of


def _irqs(one: IrqReading) -> Mapping[str, int]:
    return {f"IRQ {count.irq}": count.count for count in one.counts}


def _disks(one: BlockReading) -> Mapping[str, int]:
    return {f"requests of {disk.disk}": disk.reads + disk.writes + disk.flushes for disk in one.disks}


def _counters(one: KvmStatReading) -> Mapping[str, int]:
    return {counter.name: counter.value for counter in one.counters}


def _lines(one: InterruptReading) -> Mapping[str, int]:
    return {f"{name} ({what})" if what else name: number for name, what, number in one.rows}


def _memory(one: GuestMemory) -> Mapping[str, int]:
    return {"the guest's memory": one.actual_bytes, "read from its swap": one.swapped_in_bytes or 0}


def _threads(one: TasksPrinted) -> Mapping[str, int]:
    return {f"ticks of thread {task.tid}": task.user_ticks + task.system_ticks for task in one.table.tasks}


def _process(one: ProcessTicks) -> Mapping[str, int]:
    return {f"ticks of process {one.pid}": one.ticks}


_KINDS: tuple[tuple[type, str, Callable[..., Mapping[str, int]]], ...] = (
    (IrqReading, "info irq", _irqs),
    (BlockReading, "the disks' counters", _disks),
    (KvmStatReading, "KVM's counters", _counters),
    (InterruptReading, "/proc/interrupts", _lines),
    (GuestMemory, "the guest's memory", _memory),
    (TasksPrinted, "files of threads", _threads),
    (ProcessTicks, "/proc/PID/stat", _process),
)


def derive_snapshot_pairs(facts: Facts) -> Snapshots | None:
    """Tell of each kind of which there are several; ``None`` where there is none."""
    pairs = tuple(_pairs(facts))
    return Snapshots(pairs=pairs) if pairs else None


def _pairs(facts: Facts) -> Iterator[SnapshotPair]:
    for kind, what, counts in _KINDS:
        readings: Sequence[object] = untimed(facts, kind)
        if len(readings) < 2:
            continue
        refs = [ref_of(one) for one in readings]
        found = timing(refs, facts)
        before, now = counts(readings[0]), counts(readings[-1])
        grown = [(name, now[name] - before[name]) for name in now if now[name] > before.get(name, now[name])]
        yield SnapshotPair(
            what=what,
            number=len(readings),
            window_ns=found.at_ns[-1] if found else 0,
            how=found.how if found else "",
            grew=tuple(sorted(grown, key=lambda one: -one[1])[:_SHOWN]),
            refs=(refs[0], refs[-1]),
        )


def derive_cpu_ticks(facts: Facts) -> CpuTable | None:
    """``/proc/stat`` twice: shares of the time between, which its own ticks tell. Nothing where it went back (another boot)."""
    readings = untimed(facts, CpuTicksReading)
    if len(readings) < 2:
        return None
    first, last = dict(readings[0].cpus), dict(readings[-1].cpus)
    ticks = {cpu: _ticks(first[cpu], last[cpu]) for cpu in last if cpu in first}
    rows = tuple(row for cpu, grown in sorted(ticks.items()) if (row := _row(cpu, grown)))
    if not rows or any(min(grown) < -_LEAST_TICKS for grown in ticks.values()):
        return None
    cpus = sum(cpu >= 0 for cpu in ticks)
    window_s = _window_s(ticks, cpus)
    return CpuTable(
        tool="/proc/stat",
        rows=rows,
        cpus=cpus or None,
        switches_per_s=_rate(readings[0].switches, readings[-1].switches, window_s),
        interrupts_per_s=_rate(readings[0].interrupts, readings[-1].interrupts, window_s),
        guest=False if any((row.guest_ratio or 0.0) > 0 for row in rows) else None,
        refs=(readings[0].ref, readings[-1].ref),
    )


def _ticks(before: Sequence[int], now: Sequence[int]) -> tuple[int, ...]:
    """user nice system idle iowait irq softirq steal guest guest_nice; old kernels have fewer."""
    grown = [b - a for a, b in zip(before, now, strict=False)]
    return (*grown, *(0,) * (10 - len(grown)))


def _row(cpu: int, grown: Sequence[int]) -> CpuRow | None:
    """User and nice hold the guests' time."""
    user, nice, system, idle, iowait, irq, soft, steal, guest, guest_nice = (max(0, one) for one in grown[:10])
    total = user + nice + system + idle + iowait + irq + soft + steal
    if total < _LEAST_TICKS:
        return None
    in_guests = min(guest + guest_nice, user + nice)
    return CpuRow(
        cpu=cpu,
        user_ratio=(user + nice - in_guests) / total,
        system_ratio=system / total,
        idle_ratio=idle / total,
        iowait_ratio=iowait / total,
        steal_ratio=steal / total,
        guest_ratio=in_guests / total,
        irq_ratio=irq / total,
        soft_ratio=soft / total,
    )


def _window_s(ticks: Mapping[int, Sequence[int]], cpus: int) -> float | None:
    return sum(ticks[_ALL][:8]) / cpus / _TICKS_PER_S if cpus and _ALL in ticks else None


def _rate(before: int | None, now: int | None, window_s: float | None) -> float | None:
    return max(0, now - before) / window_s if before is not None and now is not None and window_s else None
