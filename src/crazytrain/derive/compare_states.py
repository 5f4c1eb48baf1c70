"""Measures of what is so or not: does QEMU say that the guest runs, does its monitor answer, is a thread stuck in one call."""

from collections.abc import Iterator

from crazytrain.derive.compare_calls import WAITS
from crazytrain.model.evidence import Outcome
from crazytrain.model.facts import Facts, QemuState, ThreadRole
from crazytrain.model.facts.waits import Waiting, Waits
from crazytrain.model.measure import Amount, Measure, Part

STATUS = "QEMU's status"
MONITOR = "QEMU's monitor"
STUCK = "threads that wait"
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
        yield _state("monitor answers", MONITOR, state.monitor is Outcome.OK, state.monitor.value, state)
    for thread in waits.threads if waits else ():
        if _stuck(thread):
            name = f"{thread.call or 'no call'}{f' on {thread.on}' if thread.on else ''}"
            title = f"{thread.role.value} stuck in one call"
            yield Measure(title=title, source=STUCK, amount=_so(so=True), name=name, refs=thread.refs)


def state_zeros(facts: Facts) -> dict[str, Amount]:
    """Where threads were looked at twice, one that is not stuck is not."""
    waits = facts.get(Waits)
    return {STUCK: _so(so=False)} if waits and waits.instants > 1 else {}


def _stuck(thread: Waiting) -> bool:
    """Whether a thread that others rely on did not run all the time, in a call that is no wait for work."""
    if not thread.lasts:
        return False
    if thread.role is ThreadRole.WORKER:
        return thread.state == _BLOCKED
    return thread.role in _LOOPS and (thread.state == _BLOCKED or (bool(thread.call) and thread.call not in WAITS))


def _state(title: str, source: str, so: bool, name: str, state: QemuState) -> Measure:
    return Measure(title=title, source=source, amount=_so(so=so), name=name, refs=state.refs)


def _so(*, so: bool) -> Part:
    return Part(share=float(so), error=_ERROR, state=True)
