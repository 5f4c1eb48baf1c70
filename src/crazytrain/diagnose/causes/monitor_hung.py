"""Cause qemu-blocked/monitor-hung."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.model.evidence import Outcome
from crazytrain.model.facts import QemuState, ThreadActivity
from crazytrain.model.finding import Claim, Family, Point


def monitor_hung(state: QemuState, threads: ThreadActivity | None) -> Claim:
    """Does QEMU's monitor not answer although the process lives?"""
    says = "QEMU's monitor does not answer: its main loop is blocked or stopped"
    if state.monitor is not Outcome.TIMED_OUT:
        fact = Point(f"the monitor: {state.monitor.value} {state.monitor_detail}".strip(), state.refs, 0.02)
        return Claim(says=says, prior=0.02, points=(fact,))
    busy = state.monitor_busy
    points = [Point(f"the monitor timed out: {state.monitor_detail}", state.refs, 3 if busy else 60)]
    stopped = [t for t in threads.threads if "T" in t.states or "t" in t.states] if threads else []
    if stopped and threads:
        says = "QEMU's monitor does not answer: the process is stopped (state T: SIGSTOP or a debugger)"
        points.append(Point(f"{len(stopped)} of its threads are in state T, stopped", threads.refs, 50))
    return Claim(says=says, prior=0.02, points=tuple(points))


CAUSE = Cause(slug="monitor-hung", family=Family.QEMU_BLOCKED, rank=Rank.SYMPTOM, judge=monitor_hung)
