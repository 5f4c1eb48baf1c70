"""The child without privileges, seen from us: started with descriptors of a guest's memory, asked, ended."""

import asyncio
import contextlib
import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from crazytrain.host import symbol_cache
from crazytrain.host.confine import Limits
from crazytrain.model.guest import ProcessId
from crazytrain.model.guest_memory import Unreadable
from crazytrain.model.inside_talk import MOST_MESSAGE_BYTES

PROGRAM = ("-m", "crazytrain.confined")
_HEAD_BYTES = 4
_START_TICKS = 19  # field 22 of stat, counted after the name
_CHUNK_BYTES = 1 << 20
_BURIAL_S = 3.0
_BURIAL_STEP_S = 0.002
# A child needs none of our environment, which may hold secrets; some Pythons are found by this one.
_ENVIRONMENT = ("LD_LIBRARY_PATH",)


class GuestChild:
    """A running child. ``cache_bytes`` is the size of the symbols kept from an earlier look, which it was handed.
    ``cpu_ns`` is the CPU time that it took, once it has ended.

    It is never trusted: what it says is bounded here and judged by who asks. It is ended when it is late, and dies with us.
    """

    def __init__(self, process: ProcessId, limits: Limits | None = None, program: Sequence[str] = PROGRAM) -> None:
        self._guest = process
        self._ended = ""
        self.cpu_ns = 0
        with contextlib.ExitStack() as handed:
            mem, pagemap = [handed.enter_context(opened) for opened in memory_of(process)]
            cached = symbol_cache.opened(process)
            known, self.cache_bytes = cached or (os.memfd_create("crazytrain-nothing"), 0)
            handed.callback(os.close, known)
            with contextlib.ExitStack() as ours:
                self._found = os.memfd_create("crazytrain-symbols")
                ours.callback(os.close, self._found)
                self._line, theirs = socket.socketpair()
                handed.callback(theirs.close)
                ours.callback(self._line.close)
                self._line.settimeout(0)
                self._process = _started(theirs, (mem, pagemap, known, self._found), limits or Limits(), program)
                self._pidfd = os.pidfd_open(self._process.pid)
                ours.pop_all()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def ask(self, message: bytes, timeout_s: float) -> bytes:
        """Send one message and wait for its answer. Raises ``Unreadable`` when it dies, is late or says too much; it is ended then."""
        if self._ended:
            raise Unreadable(self._ended)
        try:
            async with asyncio.timeout(timeout_s):
                return await self._exchanged(message)
        except TimeoutError:
            why = f"the process that reads the guest's memory gave no answer within {timeout_s:g} s and was ended"
        except OSError:
            why = await self._why_it_ended()
        await self._end(why)
        raise Unreadable(why)

    async def _exchanged(self, message: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self._line, len(message).to_bytes(_HEAD_BYTES, "little") + message)
        size = int.from_bytes(await self._received(_HEAD_BYTES), "little")
        if size > MOST_MESSAGE_BYTES:
            await self._end(why := f"the process that reads the guest's memory sent {size} bytes and was ended")
            raise Unreadable(why)
        return await self._received(size)

    async def _received(self, size: int) -> bytes:
        loop, data = asyncio.get_running_loop(), bytearray()
        while len(data) < size:
            part = await loop.sock_recv(self._line, min(size - len(data), _CHUNK_BYTES))
            if not part:
                raise ConnectionResetError
            data += part
        return bytes(data)

    async def _why_it_ended(self) -> str:
        """It closed its end: it has ended, or is about to."""
        await self._buried()
        status = self._process.returncode
        by = f"by {signal.Signals(-status).name}" if status is not None and status < 0 else f"with status {status}"
        return f"the process that reads the guest's memory ended {by}"

    def keep_cache(self, size_bytes: int) -> None:
        """Keep the symbols that it says it has written for the next time. May block: see ``Host.patiently``."""
        symbol_cache.keep(self._guest, self._found, size_bytes)

    async def close(self) -> None:
        """End it and leave nothing behind."""
        await self._end("it was ended")

    async def _end(self, why: str) -> None:
        self._ended = self._ended or why
        self._line.close()
        self._kill()
        try:
            await self._buried()
        finally:
            self._forget()

    def _kill(self) -> None:
        if self._pidfd >= 0 and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def _buried(self) -> None:
        """Collect it; one that the kernel does not let go of is waited for by a thread."""
        until_s = time.monotonic() + _BURIAL_S
        while not self._reaped():
            if time.monotonic() > until_s:
                self._kill()
                threading.Thread(target=self._process.wait, daemon=True).start()
                return
            await asyncio.sleep(_BURIAL_STEP_S)

    def _reaped(self) -> bool:
        """Collect it if it has ended, and what it used."""
        if self._process.returncode is None:
            pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
            if not pid:
                return False
            self._process.returncode = os.waitstatus_to_exitcode(status)
            self.cpu_ns = int((usage.ru_utime + usage.ru_stime) * 1e9)
        return True

    def _forget(self) -> None:
        for fd in (self._pidfd, self._found):
            if fd >= 0:
                os.close(fd)
        self._pidfd = self._found = -1


def memory_of(process: ProcessId) -> Iterator[contextlib.AbstractContextManager[int]]:
    """``mem`` and ``pagemap``: each belongs to the memory of whoever had the pid as it was opened, so ask before and after."""
    _still_same(process)
    yield _opened(f"/proc/{process.pid}/mem")
    yield _opened(f"/proc/{process.pid}/pagemap")
    _still_same(process)


def _still_same(process: ProcessId) -> None:
    fields = Path(f"/proc/{process.pid}/stat").read_bytes().rpartition(b")")[2].split()
    if int(fields[_START_TICKS]) != process.start_ticks:
        raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def _started(
    line: socket.socket, handed: tuple[int, ...], limits: Limits, program: Sequence[str]
) -> "subprocess.Popen[bytes]":
    words = (os.getpid(), *handed, limits.memory_bytes, limits.cpu_s, limits.file_bytes)
    return subprocess.Popen(
        (sys.executable, "-I", *program, *map(str, words)),
        stdin=line.fileno(),
        stdout=line.fileno(),
        stderr=subprocess.DEVNULL,
        pass_fds=handed,
        env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        cwd="/",
        start_new_session=True,  # Ctrl-C is for us: we end it
    )
