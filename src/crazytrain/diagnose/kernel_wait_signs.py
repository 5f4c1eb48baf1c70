"""Threads of QEMU that the host's kernel keeps asleep, as points of causes by what it lets them wait for.

The hung-task watch tells of sleeps of minutes: no healthy guest has such.
"""

from collections.abc import Iterable, Iterator

from crazytrain.model.facts.waits import Waiting, Waits
from crazytrain.model.finding import Point
from crazytrain.model.kernel_waits import WaitsFor, waits_for
from crazytrain.model.waiting import described

LONG_FROM_NS = 10_000_000_000
_RATIOS: dict[str, dict[WaitsFor, float]] = {
    "memory-pressure": {WaitsFor.MEMORY: 60},
    # Somebody on this host never lets go: no fault of the guest.
    "host-kernel-regression": {WaitsFor.GRACE: 15, WaitsFor.DEVICE: 10},
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
_UNSEEDED = 10.0
_ANOTHER = 0.04
_PRINTED = 4.0  # somebody printed the stack of a process that hangs; since when it is there is not told


def kernel_wait_points(cause: str, every: Iterable[Waits]) -> Iterator[Point]:
    """The first thread that has slept for long for what the cause is about."""
    if cause == "storage-stall":
        yield from _printed(every)
        yield from _for_another(every)
    if cause == "memory-pressure":
        yield from _behind_memory(every)
    if cause == "guest-hung-io":
        yield from _unseeded(every)
    if cause not in _RATIOS:
        return
    for wait in (wait for waits in every for wait in waits.threads):
        what = waits_for(wait.kernel) if _long(wait) else None
        if what in _RATIOS[cause]:
            yield Point(f"{described(wait)}: it waits for {what.value}", wait.refs, _RATIOS[cause][what])
            return


def _for_another(every: Iterable[Waits]) -> Iterator[Point]:
    """A thread that the hung-task watch found, and whose stack tells that it waits for something else: then that it hangs speaks for no disk."""
    found = [(wait, waits_for(wait.kernel)) for waits in every for wait in waits.threads if _long(wait)]
    if any(what is WaitsFor.STORAGE for _, what in found):
        return
    for wait, what in found:
        if what is not None:
            yield Point(f"{described(wait)}: it waits for {what.value}", wait.refs, _ANOTHER)
            return


def _printed(every: Iterable[Waits]) -> Iterator[Point]:
    """A stack without a name and a state, as ``/proc/PID/stack`` holds it: nobody prints that of a process that works."""
    for wait in (wait for waits in every for wait in waits.threads):
        if wait.picked and not wait.state and not wait.call and waits_for(wait.kernel[:3]) is WaitsFor.STORAGE:
            yield Point(f"{described(wait)}: it waits for {WaitsFor.STORAGE.value}", wait.refs, _PRINTED)
            return


def _unseeded(every: Iterable[Waits]) -> Iterator[Point]:
    """A host has long gathered its random numbers when it runs guests: who waits for them is within a guest, which has few sources."""
    for wait in (wait for waits in every for wait in waits.threads):
        if waits_for(wait.kernel[:3]) is WaitsFor.RANDOM:
            yield Point(f"{described(wait)}: it waits for {WaitsFor.RANDOM.value}", wait.refs, _UNSEEDED)
            return


def _behind_memory(every: Iterable[Waits]) -> Iterator[Point]:
    """A vCPU that was met waiting for the lock of its process's memory map, which who moves or merges pages holds."""
    for wait in (wait for waits in every for wait in waits.threads):
        if wait.picked and wait.in_kernel("rwsem_down_*", "down_read*") and wait.in_kernel(*_OF_GUESTS_MEMORY):
            yield Point(f"{described(wait)}: it waits for the memory map of QEMU", wait.refs, _BEHIND)
            return


def _long(wait: Waiting) -> bool:
    return wait.state == "D" and (wait.at_least_ns or 0) >= LONG_FROM_NS
