"""What each thread waits for over the window, since when, and who keeps it waiting."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from crazytrain.derive.wait_words import request_of, what_it_works_on, works_on_descriptor
from crazytrain.model.evidence import Ref
from crazytrain.model.facts import (
    DescriptorTable,
    Facts,
    ProcessFacts,
    QemuConfig,
    ThreadActivity,
    ThreadRole,
    ThreadUse,
)
from crazytrain.model.facts.block import DiskStates
from crazytrain.model.facts.stacks import StackFrame, UserStack, UserStacks
from crazytrain.model.facts.waits import HeldLock, ThreadWait, Waiting, WaitInstant, Waits
from crazytrain.model.qemu_functions import GENERATED, fits, holds_big_lock, meaning_of, role_by_functions
from crazytrain.model.thread_names import role_by_name

_FUTEX_COMMAND = 0x7F  # without FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME
_FUTEX_WAIT = 0
_CONTENDED = 2  # glibc waits for a mutex with this value, and for nothing else (nptl/lowlevellock.c)
_MUTEX_KINDS = 0x200  # kinds of pthread_mutex_t are below (sysdeps/nptl/bits/struct_mutex.h)
_NO_FILE = "anonymous memory"  # as a frame's module is called where its code is of no file
_BIG_LOCK = ("qemu_mutex_lock_iothread*", "bql_lock*")
# A vCPU that was halted: it takes the big lock again before it may go on (softmmu/cpus.c, system/cpus.c).
_WAKES_WITH_IT = ("qemu_wait_io_event", "qemu_tcg_wait_io_event", "qemu_process_cpu_events")


def derive_waits(facts: Facts) -> Waits | None:
    """Compare the instants; ``None`` where none was read.

    That a thread has not run is known from the scheduler's own clock, or from its count of switches; a state that was the same
    at two instants proves nothing about the time between.
    """
    instants = sorted(facts.all(WaitInstant), key=lambda instant: instant.mono_ns)
    if not instants:
        return None
    known = _Known(facts, instants)
    locks = tuple(known.locks())
    threads = tuple(known.waiting(wait, locks) for wait in known.last.threads)
    return Waits(
        window_ns=instants[-1].mono_ns - instants[0].mono_ns,
        instants=len(instants),
        threads=threads,
        locks=locks,
        refs=tuple(ref for instant in instants for ref in instant.refs),
        partial=all(instant.partial for instant in instants),
    )


def _together(instants: Sequence[WaitInstant]) -> WaitInstant:
    """The last instant; where somebody printed stacks by hand, a thread after the other, all of them are one.

    A thread that was printed twice stands as it was the second time.
    """
    last = instants[-1]
    if any(instant.mono_ns != last.mono_ns or not _by_hand(instant) for instant in instants):
        return last
    threads = {wait.tid: wait for instant in instants for wait in instant.threads}
    return msgspec.structs.replace(last, threads=tuple(threads.values()))


def _by_hand(instant: WaitInstant) -> bool:
    return all(wait.picked for wait in instant.threads)


class _Known:
    """All that is known of the threads, put together once."""

    def __init__(self, facts: Facts, instants: Sequence[WaitInstant]) -> None:
        activity = facts.get(ThreadActivity)
        process = facts.get(ProcessFacts)
        self.uses: Mapping[int, ThreadUse] = {use.tid: use for use in activity.threads} if activity else {}
        self.pid = process.pid if process else None
        self.table = facts.get(DescriptorTable)
        self.disks = facts.get(DiskStates)
        config = facts.get(QemuConfig)
        self.vcpus = config.vcpus if config else None
        self.last = _together(instants)
        self.homes = {wait.tid: instant.refs for instant in instants for wait in instant.threads}
        self.tids = frozenset(wait.tid for wait in self.last.threads)
        self.first = {wait.tid: wait for wait in instants[0].threads} if len(instants) > 1 else {}
        self.stacks: dict[int, UserStack] = {}
        for seen in sorted(facts.all(UserStacks), key=lambda stacks: stacks.mono_ns):
            self.stacks.update({stack.tid: stack for stack in seen.stacks if stack.frames})

    def frames(self, wait: ThreadWait) -> tuple[StackFrame, ...]:
        """The functions a thread is in: of a stack that was taken since it last ran, or none."""
        stack = self.stacks.get(wait.tid)
        if stack is None:
            return ()
        if stack.switches is not None and wait.runs is not None:
            return stack.frames if stack.switches == wait.runs else ()
        return stack.frames if stack.mono_ns >= wait.mono_ns - (wait.asleep_ns or 0) else ()

    def role(self, wait: ThreadWait) -> ThreadRole:
        """What a thread is for; where neither name nor monitor told it, by the functions that it is in."""
        use = self.uses.get(wait.tid)
        if use is not None and use.role is not ThreadRole.OTHER:
            return use.role
        if wait.tid == self.pid:
            return ThreadRole.MAIN_LOOP
        if wait.role is not None:
            return wait.role
        certain = [frame for frame in self.frames(wait) if frame.certain]
        names = [frame.symbol or (GENERATED if frame.module == _NO_FILE else "") for frame in certain]
        return role_by_functions(names) or ThreadRole.OTHER

    def label(self, wait: ThreadWait) -> str:
        """A name for people; threads of which there are several in a role are named as QEMU does."""
        use, role = self.uses.get(wait.tid), self.role(wait)
        if use is not None and use.vcpu is not None:
            return use.label
        if role is ThreadRole.VCPU:
            named = role_by_name(wait.comm)[1]
            if named is not None:
                return f"vCPU {named}"
            return "vCPU 0" if self.vcpus == 1 else "a vCPU"
        return role.value if role in (ThreadRole.MAIN_LOOP, ThreadRole.RCU) or not wait.comm else wait.comm

    def waiting(self, wait: ThreadWait, locks: Sequence[HeldLock]) -> Waiting:
        frames = self.frames(wait)
        lasts = self._lasts(wait)
        seen_ns = wait.mono_ns - self.first[wait.tid].mono_ns if lasts else None
        waited_ns = max((ns for ns in (wait.asleep_ns, seen_ns) if ns is not None), default=None)
        lock = next((lock for lock in locks if wait.tid in lock.waiters), None)
        use = self.uses.get(wait.tid)
        return Waiting(
            tid=wait.tid,
            comm=wait.comm,
            label=self.label(wait),
            role=self.role(wait),
            state=wait.state,
            call=wait.call,
            on=what_it_works_on(wait, self.table, self.disks, use.vcpu if use else None),
            fd=wait.arguments[0] if works_on_descriptor(wait) else None,
            request=request_of(wait),
            wchan=wait.wchan,
            kernel=wait.kernel,
            at_least_ns=waited_ns,
            timed=wait.asleep_ns is not None,
            lasts=lasts,
            timeout_ns=wait.timeout_ns,
            endless=wait.endless,
            frames=frames,
            meaning=meaning_of([frame.symbol for frame in frames if frame.certain and frame.symbol]),
            lock=lock,
            picked=wait.picked,
            refs=tuple(dict.fromkeys((*self._ref(wait), *(self.stacks[wait.tid].refs if frames else ())))),
        )

    def _ref(self, wait: ThreadWait) -> Iterator[Ref]:
        for ref in self.homes.get(wait.tid, self.last.refs):
            yield msgspec.structs.replace(ref, line=wait.line)

    def _lasts(self, wait: ThreadWait) -> bool:
        """Whether a thread did not run from the first instant to the last."""
        before = self.first.get(wait.tid)
        if before is None or wait.state == "R":
            return False
        if wait.runs is not None and before.runs is not None:
            return wait.runs == before.runs and wait.run_ns == before.run_ns
        return wait.asleep_ns is not None and wait.asleep_ns >= wait.mono_ns - before.mono_ns

    def locks(self) -> Iterator[HeldLock]:
        """Locks that threads wait for, with the holder that the lock's own words name."""
        waiters: dict[int, list[ThreadWait]] = defaultdict(list)
        for wait in self.last.threads:
            if _wants_mutex(wait):
                waiters[wait.arguments[0]].append(wait)
        for address, those in waiters.items():
            by = next((w for w in those if self._frames_fit(w)), None)
            told = self._owner(those)
            yield HeldLock(
                address=address,
                owner=told or (self._by_functions() if by else 0),
                by_functions=not told,
                waiters=tuple(wait.tid for wait in those),
                big=by is not None,
                why=f"{self.label(by)} asks for it in {self._frames_fit(by)}" if by else "",
                refs=tuple(ref for wait in those for ref in self._ref(wait)),
            )

    def _frames_fit(self, wait: ThreadWait) -> str:
        own = [frame.symbol for frame in self.frames(wait) if frame.certain]
        asks = next((symbol for symbol in own for name in _BIG_LOCK if fits(symbol, name)), "")
        return asks or next((symbol for symbol in own if symbol in _WAKES_WITH_IT), "")

    def _by_functions(self) -> int:
        """The one thread that is doing what QEMU does under its big lock alone; 0 where none or several are."""
        busy = {
            wait.tid
            for wait in self.last.threads
            if wait.picked and holds_big_lock([frame.symbol for frame in self.frames(wait) if frame.certain])
        }
        return busy.pop() if len(busy) == 1 else 0

    def _owner(self, those: Sequence[ThreadWait]) -> int:
        """The holder: a thread of this process, and the same for all who wait; 0 where that is not so."""
        told = {wait.lock.owner for wait in those if wait.lock and wait.lock.kind < _MUTEX_KINDS}
        owner = told.pop() if len(told) == 1 else 0
        return owner if owner in self.tids and owner not in {wait.tid for wait in those} else 0


def _wants_mutex(wait: ThreadWait) -> bool:
    if wait.call != "futex" or len(wait.arguments) < 3:
        return False
    return wait.arguments[1] & _FUTEX_COMMAND == _FUTEX_WAIT and wait.arguments[2] & 0xFFFFFFFF == _CONTENDED
