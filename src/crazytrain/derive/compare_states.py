"""Measures of what is so or not: does QEMU say that the guest runs, does its monitor answer, is a thread stuck in one call."""

import math
from collections.abc import Iterator

import msgspec

from crazytrain.derive.compare_names import WAITS
from crazytrain.model.evidence import Outcome
from crazytrain.model.facts import Facts, GuestClock, QemuConfig, QemuState, ThreadActivity, ThreadRole
from crazytrain.model.facts.waits import Waiting, Waits
from crazytrain.model.figures import span
from crazytrain.model.guest import Accelerator
from crazytrain.model.measure import Amount, Measure, Part

STATUS = "QEMU's status"
MONITOR = "QEMU's monitor"
STUCK = "threads that wait"
CLOCK = "the guest's kvmclock"
CLOCK_FITS = "guest's kvmclock is right"
_STEP_FROM_NS = 10**9
_FAR_NS = 600 * 10**9
_LEADS = math.log(10)
_COMES_ROUND_PER_S = 2.0
MONITOR_SLOW = "QEMU's main loop comes round meanwhile, so that the host, or whoever asked, was slow"
_RUNS = "running"
_ERROR = 0.001  # a state is told, not counted
_LOOPS = (ThreadRole.MAIN_LOOP, ThreadRole.IOTHREAD)
_BLOCKED = "D"


def state_measures(facts: Facts) -> Iterator[Measure]:
    """Each state as a share: 1 where it is so, 0 where it is not."""
    state, waits = facts.get(QemuState), facts.get(Waits)
    if state and state.status:
        yield _state("guest runs", STATUS, state.status == _RUNS, state.status, state)
    if state and state.monitor in (Outcome.OK, Outcome.TIMED_OUT) and not state.monitor_busy:
        answers = _state("monitor answers", MONITOR, state.monitor is Outcome.OK, state.monitor.value, state)
        late = state.monitor is Outcome.TIMED_OUT and _sleeps_and_wakes(facts)
        excuse = MONITOR_SLOW if late else ""
        yield msgspec.structs.replace(answers, little=excuse, little_to=1.0)
    if clock := facts.get(GuestClock):
        yield _clock(clock)
    for thread in waits.threads if waits else ():
        if _stuck(thread):
            name = f"{thread.call or 'no call'}{f' on {thread.on}' if thread.on else ''}"
            title = f"{thread.role.value} stuck in one call"
            yield Measure(title=title, source=STUCK, amount=_so(so=True), name=name, lead=_LEADS, refs=thread.refs)


def _sleeps_and_wakes(facts: Facts) -> bool:
    """Whether the main loop came round again and again while the monitor was asked: then it is no main loop that hangs."""
    activity = facts.get(ThreadActivity)
    loops = activity.of(ThreadRole.MAIN_LOOP) if activity else ()
    return any((thread.switches_per_s or 0.0) >= _COMES_ROUND_PER_S for thread in loops)


def _clock(clock: GuestClock) -> Measure:
    """Whether the guest's kvmclock is what it must be, by its own TSC and by how it went on. A guest without one has none that is wrong."""
    off = _off(clock)
    told = off or ("none in use" if not clock.pages else "fits its TSC")
    return Measure(title=CLOCK_FITS, source=CLOCK, amount=_so(so=not off), name=told, lead=_LEADS, refs=clock.refs)


def _off(clock: GuestClock) -> str:
    """By how much the clock is wrong, in words; empty where it is not."""
    wrapped = [page for page in clock.pages if page.signed_ns < 0]
    steps = [change.step_ns for change in clock.changes if abs(change.step_ns) >= _STEP_FROM_NS]
    if wrapped:
        return f"stepped below zero: {span(wrapped[-1].signed_ns)}"
    if steps:
        return f"stepped by {span(max(steps, key=abs))} while it was watched"
    ahead = clock.ahead_ns or 0
    return f"{span(ahead)} ahead of the guest's own TSC" if ahead > _FAR_NS else ""


def state_zeros(facts: Facts) -> dict[str, Amount]:
    """Where threads were looked at twice, one that is not stuck is not. Without KVM there is no kvmclock that could be wrong."""
    waits, config = facts.get(Waits), facts.get(QemuConfig)
    zeros: dict[str, Amount] = {STUCK: _so(so=False)} if waits and waits.instants > 1 else {}
    if config and config.accelerator is Accelerator.TCG:
        zeros[CLOCK] = _so(so=True)
    return zeros


def _stuck(thread: Waiting) -> bool:
    """Whether a thread that others rely on did not run all the time, in a call that is no wait for work."""
    if not thread.lasts:
        return False
    if thread.role is ThreadRole.WORKER:
        return thread.state == _BLOCKED
    return thread.role in _LOOPS and (thread.state == _BLOCKED or (bool(thread.call) and thread.call not in WAITS))


def _state(title: str, source: str, so: bool, name: str, state: QemuState) -> Measure:
    return Measure(title=title, source=source, amount=_so(so=so), name=name, lead=_LEADS, refs=state.refs)


def _so(*, so: bool) -> Part:
    return Part(share=float(so), error=_ERROR, state=True)
