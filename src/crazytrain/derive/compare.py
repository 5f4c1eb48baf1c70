"""Here and there: what differs between two guests, and what does not."""

from collections.abc import Iterator

from crazytrain.model.facts import (
    Facts,
    InterruptRates,
    KvmExits,
    Loops,
    SyscallUse,
    ThreadActivity,
    ThreadRole,
    VcpuView,
)
from crazytrain.model.report import Difference

# A difference matters from this factor on, and only above these amounts: small figures differ by chance.
NOTABLE_FACTOR = 3.0
LEAST_SHARE = 0.05
LEAST_PER_S = 50.0
MONITOR_THREAD = "IO mon_iothread"


def compare(here: Facts, there: Facts) -> tuple[Difference, ...]:
    """Measures of both, what differs most first. Only what was seen on both sides is compared: not seen is not zero."""
    found = [*_shares(here, there), *_rates(here, there)]
    return tuple(sorted(found, key=lambda d: (not d.notable, -_weight(d))))


def _weight(difference: Difference) -> float:
    top, low = max(difference.here, difference.there), min(difference.here, difference.there)
    floor = LEAST_SHARE if difference.unit == "share" else LEAST_PER_S
    return (top + floor) / (low + floor)


def _difference(measure: str, unit: str, here: float, there: float) -> Difference:
    floor = LEAST_SHARE if unit == "share" else LEAST_PER_S
    top, low = max(here, there), min(here, there)
    return Difference(
        measure=measure,
        unit=unit,
        here=here,
        there=there,
        ratio=here / there if there else None,
        notable=top >= floor and top >= NOTABLE_FACTOR * max(low, floor / 10),
    )


def _shares(here: Facts, there: Facts) -> Iterator[Difference]:
    mine, other = here.get(ThreadActivity), there.get(ThreadActivity)
    if mine and other:
        for role in ThreadRole:
            if mine.of(role) or other.of(role):
                yield _difference(f"{role.value} CPU", "share", mine.cpu_ratio(role), other.cpu_ratio(role))
    view, other_view = here.get(VcpuView), there.get(VcpuView)
    if view and other_view and view.vcpus and other_view.vcpus:
        yield _difference("vCPU halted", "share", _halted(view), _halted(other_view))


def _halted(view: VcpuView) -> float:
    return sum(v.halted_ratio for v in view.vcpus) / len(view.vcpus)


def _rates(here: Facts, there: Facts) -> Iterator[Difference]:
    loops, other_loops = here.get(Loops), there.get(Loops)
    mine, other = loops.main if loops else None, other_loops.main if other_loops else None
    if mine and other and mine.turns_per_s is not None and other.turns_per_s is not None:
        yield _difference("main loop turns", "per_s", mine.turns_per_s, other.turns_per_s)
    irqs, other_irqs = here.get(InterruptRates), there.get(InterruptRates)
    if irqs and other_irqs:
        for irq in sorted({r.irq for r in (*irqs.rates, *other_irqs.rates)}):
            yield _difference(f"IRQ {irq}", "per_s", irqs.per_s(irq), other_irqs.per_s(irq))
    yield from _call_rates(here, there)
    exits, other_exits = here.get(KvmExits), there.get(KvmExits)
    if exits and other_exits and exits.window_ns and other_exits.window_ns:
        totals = [e.per_s(sum(x.count for x in e.userspace)) for e in (exits, other_exits)]
        yield _difference("exits to QEMU", "per_s", totals[0], totals[1])


def _call_rates(here: Facts, there: Facts) -> Iterator[Difference]:
    mine, other = here.get(SyscallUse), there.get(SyscallUse)
    if mine is None or other is None or not mine.window_ns or not other.window_ns:
        return
    ours = _monitor_threads(here), _monitor_threads(there)
    for call in sorted({c.call for c in (*mine.calls, *other.calls)}):
        yield _difference(f"{call} calls", "per_s", _per_s(mine, call, ours[0]), _per_s(other, call, ours[1]))


def _per_s(use: SyscallUse, call: str, ours: frozenset[int]) -> float:
    counted = sum(c.count for c in use.calls if c.call == call and c.tid not in ours)
    return counted * 1e9 / (use.window_ns or 1)


def _monitor_threads(facts: Facts) -> frozenset[int]:
    """The thread that serves the monitor: what it does while we look is mostly our own questions."""
    threads = facts.get(ThreadActivity)
    return frozenset(t.tid for t in threads.threads if t.comm == MONITOR_THREAD) if threads else frozenset()
