"""A backtrace of one moment in which a thread serves the guest's access to a device, as points of the cause that it never ends.

Such an access takes a microsecond: to be caught in one says something, and more so where the main loop waits for the big lock meanwhile.
Nothing that waits counts: whom it waits for is what matters then.
"""

from collections.abc import Iterable, Iterator

from crazytrain.diagnose.device_stacks import copies, device_in, runs
from crazytrain.model.facts.stacks import UserStack, UserStacks
from crazytrain.model.finding import Point

CAUSE = "device-loop"
_CAUGHT, _IN_A_COPY, _OTHERS_WAIT = 6.0, 18.0, 4.0
_BIG_LOCK = ("qemu_mutex_lock_iothread", "bql_lock", "qemu_mutex_lock_main_loop")


def device_loop_points(cause: str, every: Iterable[UserStacks]) -> Iterator[Point]:
    """The first thread that runs in a device's code, in stacks that somebody printed."""
    if cause != CAUSE:
        return
    stacks = [stack for stacks in every if not stacks.mono_ns for stack in stacks.stacks]
    for stack in stacks:
        names = _names(stack)
        device = device_in(names) if runs(names) else ""
        if not device:
            continue
        yield _point(stack, device, moves=copies(names))
        if waiting := [other for other in stacks if other is not stack and _wants_the_lock(other)]:
            yield Point("another thread wanted QEMU's big lock at that moment", waiting[0].refs, _OTHERS_WAIT)
        return


def _point(stack: UserStack, device: str, *, moves: bool) -> Point:
    who = f"thread {stack.tid}" if stack.tid > 0 else "a thread"
    does = ", and moves data by DMA" if moves else ""
    return Point(
        f"{who} ran in {device}, which serves an access of the guest{does}",
        stack.refs,
        _IN_A_COPY if moves else _CAUGHT,
    )


def _wants_the_lock(stack: UserStack) -> bool:
    return any(name.startswith(_BIG_LOCK) for name in _names(stack)[-6:])


def _names(stack: UserStack) -> list[str]:
    """Outermost first."""
    return [frame.symbol for frame in reversed(stack.frames) if frame.symbol]
