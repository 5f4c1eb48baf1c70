"""A host made of recorded answers, for tests: what a live host cannot be brought to do on demand."""

import contextlib
import errno
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TypeVar

from crazytrain.host.door import FILE_LIMIT_BYTES, Confined, Each, Finished, MonitorEnded, Space, Talking
from crazytrain.model.evidence import Outcome
from crazytrain.model.guest import ProcessId

T = TypeVar("T")


class FakeHost:
    """Files, links, commands and monitors by name. A value that is an ``OSError`` is raised.

    ``files`` maps absolute paths to content, ``links`` to targets, ``commands`` a program's name to what it prints,
    ``monitors`` a socket's path to what it answers; ``spaces``, filled later, a path to its file system's space. Its
    clock moves only by ``sleep_until`` and by ``tick_ns`` at each reading.
    """

    def __init__(
        self,
        files: Mapping[str, bytes | OSError] | None = None,
        *,
        links: Mapping[str, str | OSError] | None = None,
        commands: Mapping[str, Finished] | None = None,
        monitors: Mapping[str, tuple[bytes, Outcome, str]] | None = None,
        capabilities: Sequence[str] = (),
        tick_ns: int = 1000,
    ) -> None:
        self.files = dict(files or {})
        self.links = dict(links or {})
        self.commands = dict(commands or {})
        self.monitors = dict(monitors or {})
        self.capabilities = set(capabilities)
        self.spaces: dict[str, Space | OSError] = {}
        self.tick_ns = tick_ns
        self.raw_behind_ns = 0
        self.now_ns = 1_000_000_000
        self.used_cpu_ns = 0
        self.child: Confined | None = None
        self.talks: dict[str, Talking] = {}
        self.ran: list[tuple[str, ...]] = []
        self.asked: list[tuple[str, tuple[bytes, ...]]] = []

    def read(self, path: str, limit_bytes: int = FILE_LIMIT_BYTES) -> bytes:
        """The recorded content."""
        return _given(self.files, path)[:limit_bytes]

    def read_tail(self, path: str, limit_bytes: int) -> tuple[bytes, int]:
        """The end of the recorded content."""
        data = _given(self.files, path)
        return data[-limit_bytes:], len(data)

    def read_at(self, path: str, offset: int, length: int) -> bytes:
        """A part of the recorded content."""
        return _given(self.files, path)[offset : offset + length]

    def read_opened(self, process: ProcessId, fd: int, offset: int, length: int) -> bytes:
        """The recorded content of ``/proc/PID/fd/N``."""
        return _given(self.files, f"/proc/{process.pid}/fd/{fd}")[offset : offset + length]

    def link(self, path: str) -> str:
        """The recorded target."""
        return _given(self.links, path)

    def names(self, path: str) -> tuple[str, ...]:
        """The names below a path among all recorded ones."""
        start = path.rstrip("/") + "/"
        below = {p[len(start) :].split("/")[0] for p in (*self.files, *self.links) if p.startswith(start)}
        if not below:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return tuple(sorted(below, key=lambda n: (0, int(n), "") if n.isdigit() else (1, 0, n)))

    def space(self, path: str) -> Space:
        """What was recorded for the path."""
        return _given(self.spaces, path)

    def which(self, program: str) -> str | None:
        """A path for every recorded command."""
        return f"/usr/bin/{program}" if program in self.commands else None

    def may(self, capability: str) -> bool:
        """Whether it was given."""
        return capability in self.capabilities

    def mono_ns(self) -> int:
        """The fake clock."""
        self.now_ns += self.tick_ns
        return self.now_ns

    def mono_raw_ns(self) -> int:
        """The fake clock, as far behind as was set."""
        return self.now_ns - self.raw_behind_ns

    def wall_ns(self) -> int:
        """The fake clock, as wall time."""
        return 1_331_296_380_000_000_000 + self.now_ns

    def cpu_ns(self) -> int:
        """What was set: it does not move by itself."""
        return self.used_cpu_ns

    def ticks_per_s(self) -> int:
        """As nearly everywhere."""
        return 100

    def stay_on(self, cpu: int) -> bool:
        """There is one CPU."""
        return cpu == 0

    async def sleep_until(self, mono_ns: int) -> None:
        """Move the clock."""
        self.now_ns = max(self.now_ns, mono_ns)

    async def patiently(self, call: Callable[[], T], timeout_s: float) -> T:
        """Call it; a recorded ``TimeoutError`` stands for one that blocks."""
        del timeout_s
        return call()

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
        """What was recorded for the program."""
        del timeout_s, limit_bytes, interrupt_after_s, stdin, enough
        self.ran.append(tuple(argv))
        missing = Finished(
            status=None, stdout=b"", stderr=b"", outcome=Outcome.NO_TOOL, detail=f"{argv[0]} is not installed"
        )
        return self.commands.get(argv[0], missing)

    def confined(self, process: ProcessId) -> Confined:
        """What was set as ``child``."""
        if self.child is None:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), f"/proc/{process.pid}/mem")
        return self.child

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
        """What was recorded for the socket."""
        del timeout_s, pause_s, hold_s
        self.asked.append((path, tuple(commands)))
        answers = self.monitors.get(path, (b"", Outcome.ABSENT, "no such socket"))
        if each:
            for line in answers[0].splitlines():
                each(line)
        return answers

    @contextlib.asynccontextmanager
    async def talking(self, path: str, *, timeout_s: float) -> AsyncIterator[Talking]:
        """What was set in ``talks`` for the socket."""
        del timeout_s
        if path not in self.talks:
            raise MonitorEnded(Outcome.ABSENT, "no such socket")
        yield self.talks[path]


def _given(recorded: Mapping[str, T | OSError], path: str) -> T:
    value = recorded.get(path, FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path))
    if isinstance(value, OSError):
        raise value
    return value
