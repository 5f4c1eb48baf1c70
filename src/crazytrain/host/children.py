"""Commands that die with us: nothing that we started stays when crazytrain is killed."""

import asyncio
import ctypes
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from crazytrain.host.door import Finished
from crazytrain.model.evidence import Outcome

_PR_SET_PDEATHSIG = 1
_BURIAL_S = 3.0  # for who was killed: it may wait for a disk (state D), or be held by a tracer
_BURIAL_STEP_S = 0.002
_KEEP_STDERR_BYTES = 1 << 16
_LEFT: dict[
    int, int
] = {}  # by pid, CPU time of commands that were left and that the kernel has not counted as ours yet


def left_cpu_ns() -> int:
    """CPU time of the commands that were left and have not ended: the kernel counts a child when it is waited for."""
    return sum(list(_LEFT.values()))


def _die_with(parent: int) -> Callable[[], None]:
    """What the child does before it becomes the command: ask the kernel for SIGKILL when its parent dies.

    The parent is the thread that forks, so commands are started from the main thread only.
    """
    libc = ctypes.CDLL(None, use_errno=True)

    def before_exec() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before we could ask
            os._exit(1)

    return before_exec


class _Child:
    """One running command: collects its output, knows when it ended, can be ended."""

    def __init__(self, argv: Sequence[str], limit_bytes: int, stdin: bytes | None, enough: bytes | None) -> None:
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509 - it takes no lock: one prctl, one getppid
            env={**os.environ, "LC_ALL": "C"},
        )
        self.pidfd = os.pidfd_open(self.process.pid)
        self.limit_bytes = limit_bytes
        self.enough = enough
        self.said_enough = asyncio.Event()
        self.left = False
        self.out = bytearray()
        self.err = bytearray()
        self.cut = False
        self.cpu_ns: int | None = None
        if stdin is not None and self.process.stdin is not None:
            self.process.stdin.write(stdin)
            self.process.stdin.close()

    def signal(self, number: signal.Signals) -> None:
        """Signal it; it cannot be another process, for we hold its pidfd."""
        try:
            signal.pidfd_send_signal(self.pidfd, number)
        except ProcessLookupError:
            return

    def take_out(self, data: bytes) -> None:
        room = self.limit_bytes - len(self.out)
        self.out += data[: max(room, 0)]
        if self.enough and self.out.find(self.enough, max(0, len(self.out) - len(data) - len(self.enough))) >= 0:
            self.said_enough.set()
        if len(data) > room and not self.cut:
            self.cut = True
            self.signal(signal.SIGINT)

    def take_err(self, data: bytes) -> None:
        self.err += data[: max(_KEEP_STDERR_BYTES - len(self.err), 0)]

    def _reaped(self) -> bool:
        """Collect it if that can be done now. One that has ended may still belong to who traces it."""
        pid, status, usage = os.wait4(self.process.pid, os.WNOHANG)
        if not pid:
            return False
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu_ns = int((usage.ru_utime + usage.ru_stime) * 1e9)
        return True

    async def buried(self) -> bool:
        """End it if it still runs, and collect it; whether that came about in time. If not, a thread goes on waiting."""
        if self.left or self.process.returncode is not None:
            return True
        self.signal(signal.SIGKILL)
        until_s = time.monotonic() + _BURIAL_S
        while not self._reaped():
            if time.monotonic() > until_s:
                self.leave()
                return False
            await asyncio.sleep(_BURIAL_STEP_S)
        return True

    async def told(self) -> bool:
        """Wait for its end, or until it has said enough; tell whether it ended."""
        ended, enough = asyncio.ensure_future(self.ended()), asyncio.ensure_future(self.said_enough.wait())
        try:
            await asyncio.wait((ended, enough), return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                ended.result()
            return ended.done()
        finally:
            for waiting in (ended, enough):
                waiting.cancel()
            await asyncio.gather(ended, enough, return_exceptions=True)

    def leave(self) -> None:
        """Kill it and go: the kernel may take a second to free what it held, and nobody needs to wait for that."""
        self.left, self.cpu_ns = True, _cpu_ns(self.process.pid)
        self.signal(signal.SIGKILL)
        _LEFT[self.process.pid] = self.cpu_ns or 0
        threading.Thread(target=self._buried, daemon=True).start()

    def _buried(self) -> None:
        self.process.wait()
        _LEFT.pop(self.process.pid, None)

    async def ended(self) -> None:
        """Wait for the end of the process and of its output."""
        await asyncio.gather(
            _pump(self.process.stdout, self.take_out), _pump(self.process.stderr, self.take_err), _readable(self.pidfd)
        )

    async def over(self) -> str:
        """End it, collect it, close; what is to be said where that took too long."""
        try:
            buried = await self.buried()
        finally:
            self.close()
        return "" if buried else f"it was killed, but it has not ended within {_BURIAL_S:g} s and may wait for a disk"

    def close(self) -> None:
        """End it if it still runs, without waiting, and leave no descriptor behind."""
        if self.process.returncode is None and not self.left:
            self.leave()
        os.close(self.pidfd)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


def _cpu_ns(pid: int) -> int | None:
    """CPU time of a process that is not reaped yet, in clock ticks as the kernel counts them."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


async def _readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def ready() -> None:
        if not done.done():
            done.set_result(None)

    loop.add_reader(fd, ready)
    try:
        await done
    finally:
        loop.remove_reader(fd)


async def _pump(pipe: object, take: Callable[[bytes], None]) -> None:
    fd: int = pipe.fileno()  # type: ignore[attr-defined]
    os.set_blocking(fd, False)
    while True:
        await _readable(fd)
        data = os.read(fd, 1 << 16)
        if not data:
            return
        take(data)


async def run(
    argv: Sequence[str],
    *,
    timeout_s: float,
    limit_bytes: int,
    interrupt_after_s: float | None = None,
    stdin: bytes | None = None,
    enough: bytes | None = None,
) -> Finished:
    """See ``Host.run``."""
    begin = time.monotonic_ns()
    try:
        child = _Child(argv, limit_bytes, stdin, enough)
    except FileNotFoundError:
        return Finished(
            status=None, stdout=b"", stderr=b"", outcome=Outcome.NO_TOOL, detail=f"{argv[0]} is not installed"
        )
    except OSError as error:
        return Finished(status=None, stdout=b"", stderr=b"", outcome=Outcome.DENIED, detail=str(error))
    loop = asyncio.get_running_loop()
    timer = loop.call_later(interrupt_after_s, child.signal, signal.SIGINT) if interrupt_after_s is not None else None
    outcome, detail = Outcome.OK, ""
    try:
        async with asyncio.timeout(timeout_s):
            ended = await child.told()
        if not ended:
            child.leave()
    except TimeoutError:
        outcome, detail = Outcome.TIMED_OUT, f"did not end within {timeout_s:g} s"
    finally:
        if timer is not None:
            timer.cancel()
        stuck = await child.over()
    detail = "; ".join(filter(None, (detail, stuck)))
    if child.cut and outcome is Outcome.OK:
        outcome, detail = Outcome.TRUNCATED, f"cut at {limit_bytes} bytes"
    return Finished(
        status=None if child.left else child.process.returncode,
        stdout=bytes(child.out),
        stderr=bytes(child.err),
        outcome=outcome,
        detail=detail,
        took_ns=time.monotonic_ns() - begin,
        cpu_ns=child.cpu_ns,
    )
