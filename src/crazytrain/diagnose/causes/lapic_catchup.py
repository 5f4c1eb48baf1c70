"""Cause timer-storm/lapic-catchup."""

from collections.abc import Iterator

from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.log_signs import host_silent_point, when
from crazytrain.model.facts.kernel_traces import KernelTrace
from crazytrain.model.facts.logs import HostLine, HostLog, KernelMeaning
from crazytrain.model.finding import Claim, Family, Point

_LOCKUPS = (KernelMeaning.HARD_LOCKUP, KernelMeaning.SOFT_LOCKUP, KernelMeaning.RCU_STALL)
_TIMER_FRAMES = ("apic_timer_fn", "advance_periodic_target_expiration", "start_apic_timer")
_NEAR_NS = 3600 * 10**9


def lapic_catchup(log: HostLog, trace: KernelTrace | None) -> Claim:
    """Does a periodic LAPIC timer of the guest fire over and over in the host's kernel to catch up?"""
    says = "a periodic timer of the guest is far behind and fires in a loop within the host's kernel"
    if trace and trace.host and trace.has(*_TIMER_FRAMES) and "lockup" in trace.complaint.lower():
        return Claim(says=says, prior=0.01, points=tuple(_trace_points(trace)), at_most=0.9)
    near = [line for line in log.lines if line.in_window or (line.ago_ns is not None and line.ago_ns <= _NEAR_NS)]
    lockups = [line for line in near if line.line.meaning in _LOCKUPS]
    frames = [line for line in near if line.line.meaning is KernelMeaning.TRACE and _in_timer(line)]
    if not lockups or not frames:
        none = host_silent_point(log, "tells of a lockup in KVM's timer", 0.05)
        return Claim(says=says, prior=0.01, points=(none,))
    last = lockups[-1]
    points = (
        Point(f"the host's kernel said {when(last)}: {last.line.text}", (last.line.ref,), 20),
        Point(f"its trace stands in KVM's timer: {frames[-1].line.text}", (frames[-1].line.ref,), 20),
        *_ours(lockups, frames),
    )
    return Claim(says=says, prior=0.01, points=points, at_most=0.9)


def _trace_points(trace: KernelTrace) -> Iterator[Point]:
    """A trace as it was pasted: when that was, nobody knows."""
    where = next(name for name in trace.names if name in _TIMER_FRAMES)
    yield Point(f"the host's kernel said: {trace.complaint}", trace.refs, 20)
    yield Point(f"its trace stands in KVM's timer: {where}", trace.refs, 20)


def _in_timer(line: HostLine) -> bool:
    return any(name in line.line.text for name in _TIMER_FRAMES)


def _ours(lockups: list[HostLine], frames: list[HostLine]) -> tuple[Point, ...]:
    own = [line for line in (*lockups, *frames) if line.ours]
    if own:
        return (Point("that line names a thread of this guest", (own[-1].line.ref,), 5),)
    return (Point("no line names a thread of this guest: it may be another one", (lockups[-1].line.ref,), 0.3),)


CAUSE = Cause(
    slug="lapic-catchup",
    family=Family.TIMER_STORM,
    rank=Rank.SPECIFIC,
    judge=lapic_catchup,
    absorbs=(*BUSY, "halt-polling"),
)
