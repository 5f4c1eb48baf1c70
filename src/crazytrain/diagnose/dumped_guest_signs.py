"""Where the guest's kernel stood when somebody looked into a guest that did not answer: dumps of Windows, stacks of tasks of Linux."""

from collections.abc import Iterable, Iterator

from crazytrain.model.facts.kernel_traces import KernelTrace
from crazytrain.model.finding import Point
from crazytrain.model.kernel_waits import WaitsFor, waits_for

# Functions near the top of a stack, and how much it speaks for the cause that one of them stands there. Idle and disk
# functions stand in healthy dumps as well: who takes one does it because of what he saw.
_PLACES: dict[str, tuple[tuple[str, ...], float]] = {
    "guest-spinlock": (
        (
            "nt!KxWaitForSpinLock*",
            "nt!KxWaitForLockOwner*",
            "nt!KeAcquireSpinLock*",
            "nt!KiAcquireSpinLock*",
            "nt!KiAcquireQueuedSpinLock*",
            "nt!KeAcquireInStackQueuedSpinLock*",
            "nt!ExpWaitForSpinLock*",
            "hal!KfAcquireSpinLock*",
            "ntkrnlmp!KxWaitForSpinLock*",
        ),
        15.0,
    ),
    # The kernel counts how long a DPC or an ISR runs: its own complaint of that.
    "guest-soft-lockup": (
        (
            "nt!KeAccumulateTicks*",
            "nt!KiDpcWatchdog*",
            "nt!KeStallExecutionProcessor*",
            "hal!*StallExecutionProcessor*",
        ),
        15.0,
    ),
}
_NEAR = 10  # frames: below these stands who called, not what it is in


_WAITS = 10.0  # a task of the guest that waits for its storage, printed because it hangs
_INNERMOST = 4


def dumped_guest_points(cause: str, traces: Iterable[KernelTrace]) -> Iterator[Point]:
    """The first stack with such a function in it."""
    if cause == "guest-hung-io":
        yield from _waiting(traces)
    if cause in _PLACES:
        yield from _of_windows(cause, traces)


def _waiting(traces: Iterable[KernelTrace]) -> Iterator[Point]:
    for trace in traces:
        if (
            trace.sure
            and not trace.host
            and not trace.complaint
            and waits_for(trace.names[:_INNERMOST]) is WaitsFor.STORAGE
        ):
            yield Point(f"a task of the guest waits in its kernel's {trace.names[0]}", trace.refs, _WAITS)
            return


def _of_windows(cause: str, traces: Iterable[KernelTrace]) -> Iterator[Point]:
    places, ratio = _PLACES[cause]
    for trace in traces:
        near = [name for name in trace.names[:_NEAR] if "!" in name]
        found = next((name for name in near if any(_fits(name, place) for place in places)), None)
        if not trace.host and found is not None:
            yield Point(f"the guest's Windows kernel was in {found} when it was dumped", trace.refs, ratio)
            return


def _fits(name: str, place: str) -> bool:
    """``*`` at the end stands for any end, and behind ``!`` for any beginning."""
    module, _, function = place.partition("!")
    own_module, _, own = name.partition("!")
    begins, wanted = not function.startswith("*"), function.strip("*")
    return module == own_module and (own.startswith(wanted) if begins else wanted in own)
