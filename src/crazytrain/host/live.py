"""The machine itself."""

import asyncio
import os
import resource
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

from crazytrain.host import children
from crazytrain.host.door import Confined, Each, Finished, Talking
from crazytrain.host.files import Files
from crazytrain.host.turns import Turns
from crazytrain.model.evidence import Outcome
from crazytrain.model.guest import ProcessId

T = TypeVar("T")

# Bits of CapEff in /proc/self/status, from linux/capability.h.
_CAPABILITIES = {
    "CAP_DAC_READ_SEARCH": 2,
    "CAP_KILL": 5,
    "CAP_NET_ADMIN": 12,
    "CAP_SYS_PTRACE": 19,
    "CAP_SYS_ADMIN": 21,
    "CAP_SYSLOG": 34,
    "CAP_PERFMON": 38,
    "CAP_BPF": 39,
}


class LiveHost(Files):
    """The running machine as a ``Host``."""

    def __init__(self, root: str = "/") -> None:
        super().__init__(root)
        self._turns = Turns()

    def which(self, program: str) -> str | None:
        """Where a program is; the system's own folders count even where PATH leaves them out."""
        path = os.pathsep.join(
            (os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin")
        )
        return shutil.which(program, path=path)

    def may(self, capability: str) -> bool:
        """Whether we have an effective capability."""
        for line in self.read("/proc/self/status").splitlines():
            if line.startswith(b"CapEff:"):
                return bool(int(line.split()[1], 16) >> _CAPABILITIES[capability] & 1)
        return False

    def mono_ns(self) -> int:
        """``CLOCK_MONOTONIC``."""
        return time.monotonic_ns()

    def mono_raw_ns(self) -> int:
        """``CLOCK_MONOTONIC_RAW``."""
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)

    def wall_ns(self) -> int:
        """``CLOCK_REALTIME``."""
        return time.time_ns()

    def cpu_ns(self) -> int:
        """CPU time of ours and of our ended children."""
        used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(int((one.ru_utime + one.ru_stime) * 1e9) for one in used) + children.left_cpu_ns()

    def ticks_per_s(self) -> int:
        """Clock ticks per second."""
        return os.sysconf("SC_CLK_TCK")

    def stay_on(self, cpu: int) -> bool:
        """Let the calling thread run on this CPU alone; whether it may."""
        try:
            os.sched_setaffinity(0, {cpu})  # 0 is the calling thread
        except OSError:
            return False
        return True

    async def sleep_until(self, mono_ns: int) -> None:
        """Wait for a moment."""
        await asyncio.sleep(max(0.0, (mono_ns - time.monotonic_ns()) / 1e9))

    async def patiently(self, call: Callable[[], T], timeout_s: float) -> T:
        """Run in a daemon thread: one that never comes back does not keep us from ending.

        Few of them compute at once; ``timeout_s`` counts from when it is this one's turn.
        """
        end_turn = await self._turns.begin()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def settle(result: T | None, error: BaseException | None) -> None:
            if done.done():
                return
            if error is not None:
                done.set_exception(error)
            else:
                done.set_result(result)  # type: ignore[arg-type]

        def work() -> None:
            try:
                result, error = call(), None
            except Exception as caught:  # noqa: BLE001 - handed over to whoever awaits
                result, error = None, caught
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, result, error)

        threading.Thread(target=work, daemon=True).start()
        try:
            async with asyncio.timeout(timeout_s):
                return await done
        finally:
            end_turn()

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
        """Run a command that dies with us."""
        found = self.which(argv[0])
        if found is None:
            return Finished(
                status=None, stdout=b"", stderr=b"", outcome=Outcome.NO_TOOL, detail=f"{argv[0]} is not installed"
            )
        return await children.run(
            (found, *argv[1:]),
            timeout_s=timeout_s,
            limit_bytes=limit_bytes,
            interrupt_after_s=interrupt_after_s,
            stdin=stdin,
            enough=enough,
        )

    def confined(self, process: ProcessId) -> Confined:
        """Start the process that parses a guest's memory."""
        from crazytrain.host.guest_child import GuestChild  # noqa: PLC0415 - few looks need it

        return GuestChild(process)

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
        """Ask a monitor and leave at once."""
        from crazytrain.host import qmp  # noqa: PLC0415 - qemu.qmp costs 30 ms to import; most looks need none of it

        return await qmp.converse(path, commands, timeout_s=timeout_s, pause_s=pause_s, hold_s=hold_s, each=each)

    def talking(self, path: str, *, timeout_s: float) -> AbstractAsyncContextManager[Talking]:
        """Keep a monitor for some questions."""
        from crazytrain.host import qmp  # noqa: PLC0415 - the same

        return qmp.talking(path, timeout_s=timeout_s)
