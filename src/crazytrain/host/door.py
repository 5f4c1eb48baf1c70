"""What a host can be asked. Everything outside this room sees the machine only through ``Host``."""

import errno
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

import msgspec

from crazytrain.model.evidence import Outcome
from crazytrain.model.guest import ProcessId

T = TypeVar("T")
Each = Callable[[bytes], None]

FILE_LIMIT_BYTES = 4 << 20


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """A command that ended. ``outcome`` is ``OK`` whatever its exit status, unless it had to be cut or could not start.

    ``cpu_ns`` is the CPU time that it took itself (user and system).
    """

    status: int | None
    stdout: bytes
    stderr: bytes
    outcome: Outcome
    detail: str = ""
    took_ns: int = 0
    cpu_ns: int | None = None


class Space(msgspec.Struct, frozen=True, kw_only=True):
    """What a file system tells of its space, in the words of statvfs(3): blocks of ``f_frsize`` bytes, and files."""

    f_frsize: int
    f_blocks: int
    f_bavail: int
    f_bfree: int
    f_files: int
    f_favail: int
    f_ffree: int
    f_flag: int


class Confined(Protocol):
    """A process without privileges that parses one guest's memory. What it says is not to be trusted: the guest may speak through it."""

    cache_bytes: int  # size of what it was handed from an earlier look at this guest
    cpu_ns: int  # CPU time that it took, once it has ended

    async def ask(self, message: bytes, timeout_s: float) -> bytes:
        """Send a message and wait for the answer. Raises ``Unreadable`` when it dies, is late or says too much; it is ended then."""
        ...

    def keep_cache(self, size_bytes: int) -> None:
        """Keep so many bytes of what it wrote down for the next look at this guest. May block."""
        ...

    async def close(self) -> None:
        """End it and leave nothing behind."""
        ...


class MonitorEnded(Exception):
    """A conversation with a monitor ended, or never began: the outcome, and why in plain words."""

    def __init__(self, outcome: Outcome, detail: str) -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.detail = detail


class Pause(Protocol):
    """What sees to it that a paused guest runs on whatever becomes of us: a process of its own, told before each pause."""

    def arm(self, within_s: float) -> None:
        """Say that the guest may be paused from now on; later than so it is made to run on. Raises ``OSError`` where nobody listens."""
        ...

    def disarm(self) -> None:
        """Say that the guest runs on, or that its pause is no longer ours."""
        ...


class Talking(Protocol):
    """A conversation with a QMP monitor. Nobody else is served meanwhile, so it must be short."""

    async def ask(self, command: bytes) -> bytes:
        """Ask, and give JSON lines as ``Host.converse`` does: what QEMU said unasked, then the answer. Raises ``MonitorEnded``."""
        ...

    def heard(self) -> tuple[str, ...]:
        """The names of the events that came since the last time, in order."""
        ...

    def guarded(self) -> AbstractAsyncContextManager[Pause]:
        """Start what guards pauses over this connection. If the block is left while it is armed, it resumes the guest at once.

        Raises ``MonitorEnded`` or ``TimeoutError`` where it cannot be started.
        """
        ...


class Host(Protocol):
    """The machine. Paths are absolute, as the machine itself names them. Reads raise ``OSError``; see ``outcome_of``."""

    def read(self, path: str, limit_bytes: int = FILE_LIMIT_BYTES) -> bytes:
        """Up to ``limit_bytes`` of a file. May block on files of a process that hangs: see ``patiently``."""
        ...

    def read_tail(self, path: str, limit_bytes: int) -> tuple[bytes, int]:
        """The last ``limit_bytes`` of a regular file, and the file's size. Refuses what is no regular file
        (``OSError``).
        """
        ...

    def read_at(self, path: str, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset`` on (``/proc/PID/mem``, ``/proc/PID/pagemap``); fewer where it ends."""
        ...

    def read_opened(self, process: ProcessId, fd: int, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset`` on of what a process has open, through a copy of its descriptor.

        For kernel objects that no path leads to. It moves no file position and stops nothing; it may be refused
        (``EPERM``) and says ``ESRCH`` where the process is gone or another one now.
        """
        ...

    def link(self, path: str) -> str:
        """Where a symbolic link points."""
        ...

    def names(self, path: str) -> tuple[str, ...]:
        """The names in a folder, sorted; numbers in numeric order."""
        ...

    def space(self, path: str) -> Space:
        """The space of the file system behind a path. May block where that file system does not answer."""
        ...

    def which(self, program: str) -> str | None:
        """Where a program is, or ``None``."""
        ...

    def may(self, capability: str) -> bool:
        """Whether we have an effective capability (``CAP_SYS_PTRACE``, ``CAP_BPF``, ...)."""
        ...

    def mono_ns(self) -> int:
        """``CLOCK_MONOTONIC`` in ns."""
        ...

    def mono_raw_ns(self) -> int:
        """``CLOCK_MONOTONIC_RAW`` in ns: it follows no correction by NTP, as the stamps of the kernel's log do not."""
        ...

    def wall_ns(self) -> int:
        """``CLOCK_REALTIME`` in ns."""
        ...

    def cpu_ns(self) -> int:
        """CPU time, in ns, that our process and those of its commands that have ended have used until now."""
        ...

    def ticks_per_s(self) -> int:
        """Clock ticks per second, as in ``/proc/PID/stat``."""
        ...

    def stay_on(self, cpu: int) -> bool:
        """Let the calling thread run on this CPU alone, for a call of ``patiently`` (its thread ends with it); whether it may."""
        ...

    async def sleep_until(self, mono_ns: int) -> None:
        """Wait for a moment of ``mono_ns``."""
        ...

    async def patiently(self, call: Callable[[], T], timeout_s: float) -> T:
        """Run something that may block in a thread of its own; ``TimeoutError`` when it does not come back in time."""
        ...

    async def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        limit_bytes: int,
        interrupt_after_s: float | None = None,
        stdin: bytes | None = None,
        enough: bytes | None = None,
    ) -> Finished:
        """Run a command that dies with us.

        It gets SIGINT after ``interrupt_after_s`` or when its output passes ``limit_bytes`` (outcome ``TRUNCATED``),
        SIGKILL at ``timeout_s`` (outcome ``TIMED_OUT``) or when we are cancelled or killed. As soon as ``enough`` stands in
        what it printed it has told all: it gets SIGKILL and is not waited for (outcome ``OK``, no exit status). Never raises for what the
        command does.
        """
        ...

    def confined(self, process: ProcessId) -> Confined:
        """Open a guest's memory and start the process that parses it (from the main thread: it dies with us).

        Raises ``OSError``: ``EACCES`` or ``EPERM`` where we may not read it (it takes ``CAP_SYS_PTRACE``), ``ESRCH`` where the
        process is gone or another one now.
        """
        ...

    async def converse(
        self,
        path: str,
        commands: Sequence[bytes],
        *,
        timeout_s: float,
        pause_s: float = 0.0,
        hold_s: float = 2.0,
        each: Each | None = None,
    ) -> tuple[bytes, Outcome, str]:
        """Connect to a QMP socket, ask, leave at once.

        ``commands`` are JSON objects with ``execute``. Returns JSON lines (one a command: what was asked, ``return`` or
        ``error``, ``mono_ns`` when it was asked, ``took_ns``), the outcome and why it is not ok. ``timeout_s`` is for
        the greeting and for each answer; the first that is late ends it, and what was answered before is kept.
        ``pause_s`` is waited between commands. After ``hold_s`` nothing more is asked, for others want the monitor, too
        (outcome ``TRUNCATED``). ``each`` gets the line of each answer at once.
        """
        ...

    def talking(self, path: str, *, timeout_s: float) -> AbstractAsyncContextManager[Talking]:
        """Connect to a QMP socket for some questions in a row; leave when the block is left. Raises ``MonitorEnded``.

        ``timeout_s`` is for the greeting, and for each answer.
        """
        ...


_OUTCOMES = {
    errno.ENOENT: Outcome.ABSENT,
    errno.ESRCH: Outcome.ABSENT,
    errno.ENOTDIR: Outcome.ABSENT,
    errno.ENODEV: Outcome.ABSENT,
    errno.ENOSYS: Outcome.ABSENT,
    errno.EOPNOTSUPP: Outcome.ABSENT,
    errno.ECONNREFUSED: Outcome.ABSENT,
    errno.EACCES: Outcome.DENIED,
    errno.EPERM: Outcome.DENIED,
    errno.ETIMEDOUT: Outcome.TIMED_OUT,
}


def outcome_of(error: OSError) -> tuple[Outcome, str]:
    """The outcome that an error of the machine stands for, and its words."""
    if isinstance(error, TimeoutError):
        return Outcome.TIMED_OUT, str(error) or "no answer in time"
    return _OUTCOMES.get(error.errno or 0, Outcome.BROKE), error.strerror or str(error)
