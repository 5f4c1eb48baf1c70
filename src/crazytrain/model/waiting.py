"""How a wait is judged and told, the same for causes and for the story."""

from crazytrain.model.facts.threads import ThreadRole
from crazytrain.model.facts.waits import KVM_RUN, Waiting, Waits
from crazytrain.model.figures import span

# Calls in which a thread rests until there is something to do. Everything else should come back soon.
EVENT_WAITS = frozenset(
    """
    ppoll poll select pselect6 epoll_wait epoll_pwait epoll_pwait2 rt_sigtimedwait rt_sigsuspend pause nanosleep
    clock_nanosleep restart_syscall wait4 waitid sigwaitinfo io_getevents io_pgetevents
    """.split()  # noqa: SIM905 - twenty quotes would hide the words
)
NO_CALL = ("", "page fault")  # it ran, is none of QEMU's own threads, or waits for memory
# Event loops' nested waits: rest as such, but not in the middle of something else.
DRAINS = (
    "bdrv_drain*",
    "bdrv_do_drained_begin*",
    "blk_drain*",
    "bdrv_subtree_drained_begin",
    "job_finish_sync*",
    "bdrv_drain_all*",
    "bdrv_parent_drained_*",
    "bdrv_graph_wrlock*",  # it drains every disk first
    "bdrv_close*",  # to close is to drain first
    "nbd_client_close",
    "nbd_teardown_connection",
    "bdrv_aio_cancel",  # not ..._async: it waits until the request has ended
    "blk_aio_cancel",
)
NESTED = ("aio_poll",)


def rests(wait: Waiting) -> bool:
    """Whether a thread waits as threads do that have nothing to do: for events, for work, or with the guest running."""
    if (wait.lock is not None and wait.lock.owner) or wait.in_kernel("handle_userfault*"):
        return False
    if wait.call in (*NO_CALL, "futex"):
        return True
    if wait.request == KVM_RUN:
        return True
    if wait.call in EVENT_WAITS:
        return not (wait.role in (ThreadRole.MAIN_LOOP, ThreadRole.VCPU) and wait.has(*NESTED, *DRAINS))
    return wait.call in ("io_uring_enter", "read", "recvmsg", "recvfrom") and wait.role not in (
        ThreadRole.MAIN_LOOP,
        ThreadRole.VCPU,
        ThreadRole.IOTHREAD,
        ThreadRole.WORKER,
    )


def how_long(wait: Waiting) -> str:
    """``for at least 12.3 s``; empty where it is not known."""
    return "" if wait.at_least_ns is None else f"for at least {span(wait.at_least_ns)}"


def described(wait: Waiting) -> str:
    """``main loop (thread 4711) has been inside openat of /x for 12 s``."""
    who = f"{wait.label} (thread {wait.tid})" if wait.tid > 0 else wait.label
    where = f"inside {wait.call}" if wait.call not in NO_CALL else f"asleep in the kernel ({wait.wchan})"
    if not wait.call and not wait.wchan and wait.frames:  # a stack whose innermost functions were left out
        where = f"inside {wait.frames[0].name}"
    if wait.call == "page fault":
        where = "waiting for a page of its memory"
    on = f" of {wait.on}" if wait.on and wait.call not in NO_CALL else ""
    if wait.picked:
        return f"{who} {held_words(wait) if wait.lock else f'was {where}{on}'} when somebody looked"
    if wait.lock:
        return " ".join(filter(None, (f"{who} {held_words(wait)}, and has waited for it", how_long(wait))))
    return " ".join(filter(None, (f"{who} has been {where}{on}", how_long(wait))))


def held_words(wait: Waiting) -> str:
    """What lock a thread waits for."""
    lock = wait.lock
    if lock is None:
        return ""
    name = "QEMU's big lock" if lock.big else f"a lock at {lock.address:#x}"
    holder = f"thread {lock.owner}" if lock.owner > 0 else "another thread"
    return f"wants {name}, which {holder} holds" if lock.owner else f"wants {name}"


def holds(waits: Waits, tid: int) -> str:
    """What locks a thread holds that others wait for: ``it holds QEMU's big lock, for which vCPU 0 and vCPU 1 wait``."""
    told = []
    for lock in waits.locks:
        if lock.owner == tid:
            names = [wait.label for one in lock.waiters if (wait := waits.get(one))]
            which = "QEMU's big lock" if lock.big else f"a lock ({lock.address:#x})"
            told.append(f"it holds {which}, for which {joined(names)} {'waits' if len(names) == 1 else 'wait'}")
    return "; ".join(told)


def joined(names: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and 3 more``."""
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else "nobody"
