"""Facts about threads that wait: for what, since when, and who keeps them waiting."""

import msgspec

from crazytrain.model.evidence import Ref
from crazytrain.model.facts.stacks import StackFrame
from crazytrain.model.facts.threads import ThreadRole

KVM_RUN = 0xAE80  # _IO(KVMIO, 0x80): the ioctl in which a vCPU runs


class LockWords(msgspec.Struct, frozen=True):
    """The words at a futex, read as glibc's ``pthread_mutex_t`` (nptl/bits/struct_mutex.h on x86-64 and aarch64).

    ``state``: 0 free, 1 held, 2 held and waited for. ``owner``: the thread that holds it; it means something only if this is a mutex.
    """

    state: int
    count: int
    owner: int
    users: int
    kind: int


class ThreadWait(msgspec.Struct, frozen=True, kw_only=True):
    """What one thread did at one instant.

    ``call`` is its system call: empty where it ran or was in none, ``page fault`` where it slept without one.
    ``asleep_ns``: for how long at least it had not been on a CPU (by that CPU's own clock, which leaves out interrupts), ``None``
    where this is not told. ``runs`` counts how often it was on one. ``kernel`` are the kernel functions it sleeps in, the
    innermost first. ``timeout_ns`` is the limit of a wait, ``endless`` says there is none. ``path`` is what a call names.
    ``role`` is what the thread is for where the text tells, ``picked`` that somebody looked at this one moment by hand (a
    backtrace): nobody knows since when it had been so, but few moments of a healthy thread look like that.
    """

    tid: int
    comm: str
    mono_ns: int
    state: str
    wchan: str = ""
    call: str = ""
    arguments: tuple[int, ...] = ()
    asleep_ns: int | None = None
    runs: int | None = None
    run_ns: int | None = None
    kernel: tuple[str, ...] = ()
    lock: LockWords | None = None
    timeout_ns: int | None = None
    endless: bool = False
    path: str = ""
    line: int | None = None
    role: ThreadRole | None = None
    picked: bool = False


class WaitInstant(msgspec.Struct, frozen=True, kw_only=True):
    """All threads at one instant. ``refs`` name the evidence; a thread's ``line`` is its own in it.

    ``partial``: the text has some of the threads only, and that one is not there says nothing.
    """

    mono_ns: int
    threads: tuple[ThreadWait, ...]
    refs: tuple[Ref, ...]
    partial: bool = False


class HeldLock(msgspec.Struct, frozen=True, kw_only=True):
    """A lock that threads wait for.

    ``owner`` is the thread that its own memory names as its holder (0: none known). ``big``: it is QEMU's big lock, with ``why``
    we think so. ``waiters`` wait for it at this moment. ``by_functions``: the holder is known by what it is doing, which QEMU
    does under this lock alone.
    """

    address: int
    owner: int
    waiters: tuple[int, ...]
    big: bool = False
    why: str = ""
    by_functions: bool = False
    refs: tuple[Ref, ...] = ()


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """One thread's wait as the window's last instant shows it.

    ``at_least_ns``: it has been in this wait for so long without running. ``timed`` is true where the scheduler's clock tells
    when it last ran, which is never too much; false where it is only the time over which it was seen not to run.
    ``lasts``: it did not run from the window's first instant to its last. ``on`` is what the call works on in words (descriptor
    with role, path), ``endless`` that the call has no time limit. ``meaning`` is what QEMU's own functions on its stack say.
    """

    tid: int
    comm: str
    label: str
    role: ThreadRole
    state: str
    call: str
    on: str = ""
    fd: int | None = None
    request: int | None = None
    wchan: str = ""
    kernel: tuple[str, ...] = ()
    at_least_ns: int | None = None
    timed: bool = False
    lasts: bool = False
    timeout_ns: int | None = None
    endless: bool = False
    frames: tuple[StackFrame, ...] = ()
    meaning: str = ""
    lock: HeldLock | None = None
    picked: bool = False  # of one moment that somebody looked at by hand: since when is not known
    refs: tuple[Ref, ...] = ()

    def has(self, *names: str) -> bool:
        """Whether one of these functions is on its stack, as a whole name or by a beginning that ends in ``*``."""
        own = [frame.symbol for frame in self.frames if frame.certain and frame.symbol]
        return any(_fits(symbol, name) for symbol in own for name in names)

    def in_kernel(self, *names: str) -> bool:
        """Whether it sleeps in one of these kernel functions; a beginning may end in ``*``."""
        return any(_fits(symbol, name) for symbol in (self.wchan, *self.kernel) for name in names)


class Waits(msgspec.Struct, frozen=True, kw_only=True):
    """What every thread waits for, over the window."""

    window_ns: int
    instants: int
    threads: tuple[Waiting, ...]
    locks: tuple[HeldLock, ...]
    refs: tuple[Ref, ...]
    partial: bool = False  # some of the threads only: that one is not there says nothing

    def of(self, *roles: ThreadRole) -> tuple[Waiting, ...]:
        """The threads of these roles."""
        return tuple(thread for thread in self.threads if thread.role in roles)

    def get(self, tid: int) -> Waiting | None:
        """One thread."""
        return next((thread for thread in self.threads if thread.tid == tid), None)

    @property
    def big_lock(self) -> HeldLock | None:
        """QEMU's big lock, where threads wait for it."""
        return next((lock for lock in self.locks if lock.big), None)


def _fits(symbol: str, name: str) -> bool:
    return symbol.startswith(name[:-1]) if name.endswith("*") else symbol == name
