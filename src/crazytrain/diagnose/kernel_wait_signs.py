"""Threads of QEMU that the host's kernel keeps asleep, as points of causes by what it lets them wait for.

The hung-task watch tells of sleeps of minutes: no healthy guest has such.
"""

from collections.abc import Iterable, Iterator

from crazytrain.model.facts.waits import Waiting, Waits
from crazytrain.model.finding import Point
from crazytrain.model.kernel_waits import WaitsFor, waits_for
from crazytrain.model.waiting import described

LONG_FROM_NS = 10_000_000_000
_RATIOS: dict[str, tuple[WaitsFor, float]] = {
    "memory-pressure": (WaitsFor.MEMORY, 60),
    "host-kernel-regression": (WaitsFor.GRACE, 15),  # somebody on this host never lets go: no fault of the guest
}
_OF_GUESTS_MEMORY = (
    "hva_to_pfn*",
    "__gfn_to_pfn*",
    "kvm_faultin_pfn*",
    "tdp_page_fault",
    "direct_page_fault",
    "get_user_pages_unlocked",
)
_BEHIND = 12.0
_PRINTED = 4.0  # somebody printed the stack of a process that hangs; since when it is there is not told


def kernel_wait_points(cause: str, every: Iterable[Waits]) -> Iterator[Point]:
    """The first thread that has slept for long for what the cause is about."""
    if cause == "storage-stall":
        yield from _printed(every)
    if cause == "memory-pressure":
        yield from _behind_memory(every)
    if cause not in _RATIOS:
        return
    what, ratio = _RATIOS[cause]
    for wait in (wait for waits in every for wait in waits.threads):
        if _long(wait) and waits_for(wait.kernel) is what:
            yield Point(f"{described(wait)}: it waits for {what.value}", wait.refs, ratio)
            return


def _printed(every: Iterable[Waits]) -> Iterator[Point]:
    """A stack without a name and a state, as ``/proc/PID/stack`` holds it: nobody prints that of a process that works."""
    for wait in (wait for waits in every for wait in waits.threads):
        if wait.picked and not wait.state and not wait.call and waits_for(wait.kernel[:3]) is WaitsFor.STORAGE:
            yield Point(f"{described(wait)}: it waits for {WaitsFor.STORAGE.value}", wait.refs, _PRINTED)
            return


def _behind_memory(every: Iterable[Waits]) -> Iterator[Point]:
    """A vCPU that was met waiting for the lock of its process's memory map, which who moves or merges pages holds."""
    for wait in (wait for waits in every for wait in waits.threads):
        if wait.picked and wait.in_kernel("rwsem_down_*", "down_read*") and wait.in_kernel(*_OF_GUESTS_MEMORY):
            yield Point(f"{described(wait)}: it waits for the memory map of QEMU", wait.refs, _BEHIND)
            return


def _long(wait: Waiting) -> bool:
    return wait.state == "D" and (wait.at_least_ns or 0) >= LONG_FROM_NS
