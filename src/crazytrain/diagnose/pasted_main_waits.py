"""What it says that QEMU's main thread was caught in a wait for another of its own threads, as points of causes.

The main thread rests in one place only: the poll of its main loop, with the big lock let go. Whatever else it waits for (the end of a
thread, a semaphore, a condition, another lock), it waits for in the middle of its work, and mostly with the big lock held. Such waits
are short while all is well. For the big lock itself it waits now and then in every busy guest: that says nothing.
"""

from collections.abc import Iterable, Iterator

from crazytrain.model.facts import ThreadRole
from crazytrain.model.facts.waits import Waiting, Waits
from crazytrain.model.finding import Point
from crazytrain.model.waiting import DRAINS

CAUSE = "monitor-hung"
_FOR_A_THREAD = (
    "qemu_thread_join*",
    "pthread_join*",
    "__pthread_join*",
    "__pthread_clockjoin*",
    "qemu_sem_wait*",
    "qemu_event_wait*",
    "qemu_cond_wait*",
)
_FOR_A_LOCK = ("qemu_mutex_lock_impl*", "qemu_rec_mutex_lock*", "qemu_lockcnt_*", "qemu_mutex_lock")
_FOR_THE_BIG_LOCK = ("qemu_mutex_lock_iothread*", "bql_lock*", "qemu_mutex_lock_main_loop*")
_OF_THE_DISKS = ("throttle_group_*", "aio_context_acquire", "bdrv_graph_*", *DRAINS)  # another cause's, which says more
_ENDS, _LOCK, _BOTH = 20.0, 8.0, 3.0


def main_wait_points(cause: str, every: Iterable[Waits]) -> Iterator[Point]:
    """The main thread's wait where somebody printed it by hand, and whether another thread wants the big lock meanwhile."""
    if cause != CAUSE:
        return
    for waits in every:
        main = next((wait for wait in waits.of(ThreadRole.MAIN_LOOP) if wait.picked and wait.call == "futex"), None)
        ratio = _ratio(main) if main else 1.0
        if main is None or ratio <= 1:
            continue
        says = "QEMU's main thread was in the middle of something, where it waits for another thread of QEMU"
        yield Point(says, main.refs or waits.refs, ratio)
        if others := [wait for wait in waits.threads if wait.tid != main.tid and wait.has(*_FOR_THE_BIG_LOCK)]:
            yield Point("another thread wants QEMU's big lock at that moment", others[0].refs or waits.refs, _BOTH)
        return


def _ratio(main: Waiting) -> float:
    if main.has(*_OF_THE_DISKS):
        return 1.0
    if main.has(*_FOR_A_THREAD):
        return _ENDS
    return _LOCK if main.has(*_FOR_A_LOCK) and not main.has(*_FOR_THE_BIG_LOCK) else 1.0
