"""What KVM's counters say where exits are not told by reason, as points of causes: which kind of event goes with nearly every exit.

``kvm_stat`` and ``perf stat -e 'kvm:*'`` count tracepoints: beside ``kvm_exit`` stand ``kvm_pio``, ``kvm_mmio``, ``kvm_msr``. Of which port,
page or register they are, no counter tells.
"""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from crazytrain.diagnose.signs import EXITS_MATTER_FROM_PER_S
from crazytrain.model.facts import IrqReading, KvmStats
from crazytrain.model.figures import rate, share
from crazytrain.model.finding import Point


class _Kind(msgspec.Struct, frozen=True):
    """Counters of one kind of exit (tracepoint, and KVM's own), and how much it says for causes that it has most of the exits."""

    names: tuple[str, ...]
    what: str
    ratios: dict[str, float]


_TIMER_LINES = (0, 2, 8)
_GREW_FROM, _COUNTED_FROM, _NEARLY_ALL = 200_000, 20_000_000, 0.9
_POLLS_FROM = 0.15  # of one CPU
_TAKEN_FROM_PER_S = 1000.0
_MOSTLY, _FAST_FROM_PER_S, _FAST = 0.5, 20_000.0, 2.0
_ALL = ("kvm_exit", "exits")
_KINDS = (
    _Kind(
        ("kvm_pio", "io_exits"),
        "I/O ports",
        {"pio-poll": 5, "rtc-periodic-storm": 4, "slow-clocksource": 3, "rtc-catchup": 1.5, "mmio-poll": 0.3},
    ),
    _Kind(("kvm_mmio", "mmio_exits"), "MMIO", {"mmio-poll": 12, "pio-poll": 0.3, "rtc-periodic-storm": 0.3}),
    _Kind(
        ("kvm_page_fault", "pf_taken"), "page faults", {"page-fault-loop": 6, "balloon-deflate": 1.5, "pio-poll": 0.3}
    ),
    _Kind(
        ("kvm_ple_window", "kvm_ple_window_update", "directed_yield_attempted"), "PAUSE loops", {"pause-contention": 12}
    ),
)
_MSR, _TICKS = ("kvm_msr",), ("kvm_hv_timer_state", "kvm_pv_eoi", "kvm_inj_virq")


def counter_points(cause: str, every: Iterable[KvmStats]) -> Iterator[Point]:
    """The strongest point of one cause."""
    points = [
        point
        for stats in every
        for point in (*_kinds(cause, stats), *_msrs(cause, stats), *_polls(cause, stats), *_taken(cause, stats))
    ]
    if points:
        yield max(points, key=lambda point: max(point.ratio, 1 / point.ratio))


def _kinds(cause: str, stats: KvmStats) -> Iterator[Point]:
    total = _highest(stats, _ALL)
    for kind in _KINDS:
        mine = _highest(stats, kind.names)
        if cause in kind.ratios and total >= EXITS_MATTER_FROM_PER_S and mine >= _MOSTLY * total:
            ratio = kind.ratios[cause]
            fast = _FAST if ratio > 1 and mine >= _FAST_FROM_PER_S else 1.0
            yield Point(f"{_says(mine, total)} for {kind.what}", stats.refs, ratio * fast)


def _msrs(cause: str, stats: KvmStats) -> Iterator[Point]:
    """Registers: a timer's, where an interrupt follows each of them, else others."""
    total, mine, ticks = (_highest(stats, names) for names in (_ALL, _MSR, _TICKS))
    ticking = ticks >= _MOSTLY * mine
    ratios = {"apic-timer-storm": 5.0, "msr-storm": 2.0} if ticking else {"msr-storm": 6.0, "apic-timer-storm": 1.5}
    if cause in ratios and total >= EXITS_MATTER_FROM_PER_S and mine >= max(_MOSTLY / 2 * total, 1.0):
        says = f"{_says(mine, total)} for MSRs" + (", and as many timer interrupts" if ticking else "")
        yield Point(says, stats.refs, ratios[cause] * (_FAST if mine >= _FAST_FROM_PER_S else 1.0))


def _polls(cause: str, stats: KvmStats) -> Iterator[Point]:
    """How much of a CPU KVM's own polling took before it let vCPUs sleep."""
    polled = sum(stats.per_s(name) or 0.0 for name in ("halt_poll_success_ns", "halt_poll_fail_ns")) / 1e9
    if cause == "halt-polling" and polled >= _POLLS_FROM:
        yield Point(f"KVM counted {share(polled)} of a CPU spent in halt polling", stats.refs, 40)


def _taken(cause: str, stats: KvmStats) -> Iterator[Point]:
    """How often the host took memory away from under the guest: to move it, merge it or free it."""
    mine = _highest(stats, ("kvm_unmap_hva_range", "kvm_unmap_gfn_range"))
    if cause == "memory-pressure" and mine >= _TAKEN_FROM_PER_S:
        yield Point(f"the host took pages of the guest away {rate(mine)} (kvm_unmap_hva_range)", stats.refs, 12)


def line_points(cause: str, readings: Sequence[IrqReading], *, timed: bool) -> Iterator[Point]:
    """QEMU's own counts of interrupt lines where the time between them is not told: one line that has nearly all of very many."""
    if cause != "interrupt-storm" or timed or not readings:
        return
    first = {one.irq: one.count for one in readings[0].counts} if len(readings) > 1 else {}
    grown = [(one.irq, one.count - first.get(one.irq, 0)) for one in readings[-1].counts]
    irq, most = max(grown, key=lambda one: one[1], default=(0, 0))
    least, ratio = (_GREW_FROM, 15.0) if first else (_COUNTED_FROM, 5.0)
    if irq not in _TIMER_LINES and most >= least and most >= _NEARLY_ALL * sum(max(more, 0) for _, more in grown):
        how = "grew by" if first else "stands at"
        yield Point(f"IRQ {irq} {how} {most:,}, nearly all of what QEMU counts", (readings[-1].ref,), ratio)


def _highest(stats: KvmStats, names: Iterable[str]) -> float:
    return max((stats.per_s(name) or 0.0 for name in names), default=0.0)


def _says(mine: float, total: float) -> str:
    return f"KVM counted {rate(total)} exits, and {rate(mine)} ({share(min(mine / total, 1.0))})"
