"""Memory over the window: rates of the host's counters, pressure, and which thread waited for memory to come from disk."""

from collections.abc import Iterator

from crazytrain.model.facts import Facts
from crazytrain.model.facts.memory import FaultRate, FaultRates, FaultTable, HostRate, MemoryReading, MemoryUse


def derive_memory(facts: Facts) -> MemoryUse | None:
    """Compare the first and the last reading; ``None`` where memory was not read. One reading alone gives sizes only."""
    readings = sorted(facts.all(MemoryReading), key=lambda reading: reading.mono_ns)
    if not readings:
        return None
    first, last = readings[0], readings[-1]
    window_ns = last.mono_ns - first.mono_ns
    return MemoryUse(
        window_ns=window_ns,
        last=last,
        major_faults_per_s=_per_s(first.major_faults, last.major_faults, window_ns),
        rates=tuple(_rates(first, last, window_ns)),
        memory_some_ratio=_ratio(first.memory_some_ns, last.memory_some_ns, window_ns),
        memory_full_ratio=_ratio(first.memory_full_ns, last.memory_full_ns, window_ns),
        io_some_ratio=_ratio(first.io_some_ns, last.io_some_ns, window_ns),
        io_full_ratio=_ratio(first.io_full_ns, last.io_full_ns, window_ns),
        refs=tuple(dict.fromkeys((first.ref, last.ref))),
    )


def _rates(first: MemoryReading, last: MemoryReading, window_ns: int) -> Iterator[HostRate]:
    before = dict(first.counters)
    for name, count in last.counters:
        per_s = _per_s(before.get(name), count, window_ns)
        if per_s is not None:
            yield HostRate(name, per_s)


def _per_s(before: int | None, now: int | None, window_ns: int) -> float | None:
    if before is None or now is None or now < before or window_ns <= 0:
        return None
    return (now - before) * 1e9 / window_ns


def _ratio(before: int | None, now: int | None, window_ns: int) -> float | None:
    per_s = _per_s(before, now, window_ns)
    return None if per_s is None else min(1.0, per_s / 1e9)


def derive_faults(facts: Facts) -> FaultRates | None:
    """Compare the first and the last instant of the threads' faults; ``None`` with fewer than two."""
    tables = sorted(facts.all(FaultTable), key=lambda table: table.mono_ns)
    window_ns = tables[-1].mono_ns - tables[0].mono_ns if tables else 0
    if window_ns <= 0:
        return None
    before = {thread.tid: thread for thread in tables[0].threads}
    rates = []
    for thread in tables[-1].threads:
        was = before.get(thread.tid)
        same = was is not None and was.comm == thread.comm
        per_s = _per_s(was.major_faults if was and same else None, thread.major_faults, window_ns)
        if per_s:
            rates.append(FaultRate(thread.tid, thread.comm, per_s))
    rates.sort(key=lambda rate: -rate.per_s)
    return FaultRates(window_ns=window_ns, threads=tuple(rates), refs=(tables[0].ref, tables[-1].ref))
