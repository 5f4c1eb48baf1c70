"""Signs that causes share which rest on what threads wait for."""

from collections.abc import Iterable

from crazytrain.model.evidence import Outcome
from crazytrain.model.facts import QemuState, ThreadRole
from crazytrain.model.facts.waits import Waiting, Waits
from crazytrain.model.figures import span
from crazytrain.model.finding import Point
from crazytrain.model.qemu_functions import holds_big_lock
from crazytrain.model.waiting import DRAINS, NESTED, described, holds

STOPPED = ("T", "t")
_ONE_MOMENT = 0.85
SERVES = (ThreadRole.MAIN_LOOP, ThreadRole.IOTHREAD)


def lasted_ns(wait: Waiting) -> int:
    """For how long a thread has been in its wait, as far as that is known."""
    return wait.at_least_ns or 0


def is_long(wait: Waiting, from_ns: int) -> bool:
    """Whether a wait has lasted, or was caught in the one moment that somebody looked: of what takes no time few are caught."""
    return lasted_ns(wait) >= from_ns or wait.picked


def longest(waits: Iterable[Waiting]) -> Waiting | None:
    """The one that has waited longest."""
    return max(waits, key=lasted_ns, default=None)


def serving(waits: Waits) -> tuple[Waiting, ...]:
    """The threads that must not wait for long: event loops, and whoever holds a lock that others want. Not if stopped."""
    owners = {lock.owner for lock in waits.locks}
    return tuple(
        wait
        for wait in waits.threads
        if (wait.role in SERVES or wait.tid in owners or _for_a_device(wait)) and wait.state not in STOPPED
    )


def _for_a_device(wait: Waiting) -> bool:
    """Whether a thread of another kind does what QEMU does under its big lock: a vCPU's for a device, a migration's as it ends.

    Where somebody printed stacks by hand, the functions tell it.
    """
    if wait.picked and holds_big_lock([frame.symbol for frame in wait.frames if frame.certain and frame.symbol]):
        return True
    if wait.role is ThreadRole.MIGRATION or (wait.role is ThreadRole.OTHER and wait.picked):
        return wait.has(*DRAINS)
    return wait.role is ThreadRole.VCPU and wait.has(*NESTED, *DRAINS)


def wait_point(wait: Waiting, ratio: float) -> Point:
    """A wait as a point: who, in what, for how long, and in which of QEMU's functions. One moment alone is worth less."""
    ratio = ratio**_ONE_MOMENT if wait.picked else ratio
    meaning = f": {wait.meaning}" if wait.meaning else ""
    kernel = f" (the kernel's {wait.wchan})" if wait.wchan else ""
    return Point(f"{described(wait)}{kernel}{meaning}", wait.refs, ratio)


def lock_points(wait: Waiting, waits: Waits, ratio: float) -> tuple[Point, ...]:
    """Who waits for what this thread holds; nothing where nobody does."""
    held = holds(waits, wait.tid)
    refs = tuple(ref for lock in waits.locks if lock.owner == wait.tid for ref in lock.refs)
    by = (
        "its functions run under that lock alone"
        if any(x.by_functions for x in waits.locks)
        else "the lock's own words name it"
    )
    who = f"{wait.label} (thread {wait.tid})" if wait.tid > 0 else wait.label
    return (Point(f"{who}: {held}; {by}", refs or waits.refs, ratio),) if held else ()


def monitor_points(state: QemuState | None) -> tuple[Point, ...]:
    """Whether the monitor hangs with it; a monitor that answers says that the main loop turns."""
    if state is None:
        return ()
    if state.monitor is Outcome.TIMED_OUT:
        busy = " (it may serve another client)" if state.monitor_busy else ""
        says = f"the monitor does not answer: {state.monitor_detail}{busy}"
        return (Point(says, state.refs, 1.5 if state.monitor_busy else 3),)
    return (Point("QEMU's monitor answers", state.refs, 0.3),) if state.status else ()


def none_waits(waits: Waits, what: str) -> Point:
    """That no thread waits so, as a point against."""
    if waits.partial:
        return Point(f"no {what} among the threads that were printed, which are not all", waits.refs, 0.5)
    seen = f"{waits.instants} looks over {span(waits.window_ns)}" if waits.window_ns else "one look"
    return Point(f"no {what} ({seen})", waits.refs, 0.02)
