"""What a descriptor is for and whose a call is, in words that mean the same in two guests: no numbers of descriptors or threads."""

from collections.abc import Iterable

from crazytrain.derive.compare_grain import Grain
from crazytrain.derive.compare_threads import monitor_threads
from crazytrain.model import fdrole
from crazytrain.model.facts import (
    Coverage,
    DescriptorTable,
    Facts,
    LoopActivity,
    ProcessFacts,
    SyscallUse,
    ThreadActivity,
    ThreadRole,
    TraceStory,
)

WAITS = frozenset(
    ("ppoll", "poll", "select", "_newselect", "pselect6", "epoll_wait", "epoll_pwait", "epoll_pwait2", "io_uring_enter")
)
_LEAST_THREADS = 2
QUEUES = ("signalfd", "eventfd", "timerfd")
OTHERS = "other threads"
ALL_TOGETHER = "all threads together"
_OWN_CALLS = ("recvmsg", "accept", "accept4", "getsockname", "getpeername")
# Roles that go on with a name of one guest (an interface, a number): the beginning is what means the same elsewhere.
_WITH_NAMES = (fdrole.TAP, fdrole.VCPU, f"a {fdrole.VCPU}", fdrole.VHOST)


class Names:
    """The words for one guest's threads and descriptors, no finer than ``grain``."""

    def __init__(self, facts: Facts, grain: Grain) -> None:
        self.grain = grain
        self.table = facts.get(DescriptorTable)
        self.story = facts.get(TraceStory)
        self.apart = monitor_threads(facts)
        activity, process, use = facts.get(ThreadActivity), facts.get(ProcessFacts), facts.get(SyscallUse)
        self._roles = {t.tid: t.role for t in activity.threads} if activity else {}
        self.knows_threads = activity is not None
        self._pid = process.pid if process else None
        self._one = use is not None and use.coverage is Coverage.ONE_THREAD
        self._vcpus = self._vcpu_callers(use)
        self._signals = {s.fd for s in self.story.signals} if self.story else set()
        self._main = self._main_loop(use)
        self._kicks = self._wakeups()
        calls = use.calls if use else ()
        self.own_fds = frozenset(
            c.fd for c in calls if c.tid in self.apart and c.call in _OWN_CALLS and c.fd is not None
        )

    def _vcpu_callers(self, use: SyscallUse | None) -> set[int | None]:
        fds = {d.fd for d in self.table.of("kvm-vcpu")} if self.table else set()
        return {c.tid for c in use.calls if c.call == "ioctl" and c.fd in fds} if use else set()

    def _main_loop(self, use: SyscallUse | None) -> int | None:
        """The main loop's thread in a trace that tells threads apart and no roles: QEMU's first thread, where it waits as a loop does."""
        tids = {c.tid for c in use.calls if c.tid is not None} if use else set()
        if self.knows_threads or use is None or len(tids) < _LEAST_THREADS:
            return None
        first = min(tids)
        return first if any(c.tid == first and c.call in WAITS for c in use.calls) else None

    def _wakeups(self) -> set[int]:
        """Descriptors that hold the number of an eventfd: 8 bytes, one number; where roles are not known the main loop reads them."""
        seen = self.story.transfers if self.story else ()
        return {t.fd for t in seen if t.result == 8 and t.value is not None}

    def role(self, tid: int | None) -> ThreadRole | None:
        """A thread's role, ``None`` where it is not known."""
        if tid in self._roles:
            return self._roles[tid]
        if tid is None:
            return ThreadRole.MAIN_LOOP if self._one else None
        if tid in self._vcpus:
            return ThreadRole.VCPU
        return ThreadRole.MAIN_LOOP if tid in (self._pid, self._main) else None

    def who(self, tid: int | None) -> str:
        """Whose a call is."""
        if not self.grain.threads:
            return ALL_TOGETHER
        role = self.role(tid)
        return role.value if role else ALL_TOGETHER if tid is None else OTHERS

    def what(self, number: int | None) -> str:
        """On what a call is; empty where that is not told apart."""
        return self.fd(number) if number is not None and self.grain.descriptors else ""

    def fd(self, number: int | None) -> str:
        """What a descriptor is for: its role, else its kind."""
        found = self.table.get(number) if self.table else None
        if found and not found.role and found.kind == "eventfd" and self._is_wakeup(number):
            return fdrole.MAIN_LOOP_WAKEUP
        if found and (found.role or found.kind):
            role = next((word for word in _WITH_NAMES if found.role.startswith(word)), found.role)
            return role.removeprefix("a ").partition(" on ")[0] or found.kind
        if number in self._signals:
            return fdrole.MAIN_LOOP_SIGNALS
        return fdrole.MAIN_LOOP_WAKEUP if self._is_wakeup(number) else "a descriptor that is not known"

    def _is_wakeup(self, number: int | None) -> bool:
        """Whether it is one that the main loop itself writes or reads, as far as the trace shows it."""
        return number in self._kicks and (self._one or self._main is not None)

    def is_queue(self, number: int | None) -> bool:
        """Whether a read that finds nothing there is the normal end of reading it."""
        found = self.table.get(number) if self.table else None
        if found:
            return found.kind in QUEUES
        return number in self._signals | self._kicks

    def loop_role(self, loop: LoopActivity) -> ThreadRole | None:
        """The role of a loop's thread; ``None`` for one that serves the monitor, or that is not known."""
        if loop.tid in self.apart:
            return None
        return ThreadRole.MAIN_LOOP if loop.label == ThreadRole.MAIN_LOOP.value else self.role(loop.tid)


def numbers(fds: Iterable[int | None]) -> str:
    """Write descriptors as they are called on one side: ``fd 4, fd 17``."""
    return ", ".join(f"fd {fd}" for fd in sorted({fd for fd in fds if fd is not None})[:4])
