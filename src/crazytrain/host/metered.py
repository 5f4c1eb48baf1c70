"""A host that counts what is done through it, and starts no command any more once there is nothing left to spend."""

import time
from collections.abc import Callable, Coroutine, Generator, Sequence
from typing import TypeVar, cast

from crazytrain.host.door import Confined, Finished, Host
from crazytrain.model.evidence import Outcome
from crazytrain.model.guest import ProcessId

T = TypeVar("T")


class Tally:
    """CPU time in ns: of our own threads, and of commands that ended."""

    def __init__(self) -> None:
        self.own_ns = 0
        self.commands_ns = 0


class Counted:
    """Await it in place of a coroutine: each of its steps is timed by this thread's CPU clock.

    Tasks that the coroutine starts are the loop's, not its own: they are not counted here.
    """

    def __init__(self, coroutine: Coroutine[object, object, T], tally: Tally) -> None:
        self._coroutine = coroutine
        self._tally = tally

    def __await__(self) -> Generator[object, object, object]:
        thrown: BaseException | None = None
        while True:
            begin_ns = time.thread_time_ns()
            try:
                waits_for = self._coroutine.throw(thrown) if thrown else self._coroutine.send(None)
            except StopIteration as end:
                return end.value
            finally:
                self._tally.own_ns += time.thread_time_ns() - begin_ns
            try:
                yield waits_for
                thrown = None
            except BaseException as error:  # noqa: BLE001 - a cancellation that is thrown into us is meant for it
                thrown = error


def metered(host: Host, tally: Tally, refusal: Callable[[], str]) -> Host:
    """Give the same host, with what is done through it counted in ``tally``.

    ``refusal`` says why no command may be started any more; empty where it may.
    """
    return cast("Host", _Metered(host, tally, refusal))


class _Metered:
    """What counts; all else is the other host's."""

    def __init__(self, host: Host, tally: Tally, refusal: Callable[[], str]) -> None:
        self._host = host
        self._tally = tally
        self._refusal = refusal

    def __getattr__(self, name: str) -> object:
        """What a host can do and need not be counted."""
        return getattr(self._host, name)

    async def patiently(self, call: Callable[[], T], timeout_s: float) -> T:
        """See ``Host.patiently``; the CPU time of its thread is counted when it comes back."""

        def timed() -> T:
            begin_ns = time.thread_time_ns()
            try:
                return call()
            finally:
                self._tally.own_ns += time.thread_time_ns() - begin_ns

        return await self._host.patiently(timed, timeout_s)

    def confined(self, process: ProcessId) -> Confined:
        """See ``Host.confined``; its CPU time is counted when it is closed."""
        return _MeteredChild(self._host.confined(process), self._tally)

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
        """See ``Host.run``; with nothing left to spend the command is not started (outcome ``ABSENT``)."""
        if why := self._refusal():
            return Finished(status=None, stdout=b"", stderr=b"", outcome=Outcome.ABSENT, detail=why)
        told = await self._host.run(
            argv,
            timeout_s=timeout_s,
            limit_bytes=limit_bytes,
            interrupt_after_s=interrupt_after_s,
            stdin=stdin,
            enough=enough,
        )
        self._tally.commands_ns += told.cpu_ns or 0
        return told


class _MeteredChild:
    """A child whose CPU time is counted once it has ended."""

    def __init__(self, child: Confined, tally: Tally) -> None:
        self._child = child
        self._tally = tally
        self.cache_bytes = child.cache_bytes
        self.cpu_ns = 0

    async def ask(self, message: bytes, timeout_s: float) -> bytes:
        """See ``Confined.ask``."""
        return await self._child.ask(message, timeout_s)

    def keep_cache(self, size_bytes: int) -> None:
        """See ``Confined.keep_cache``."""
        self._child.keep_cache(size_bytes)

    async def close(self) -> None:
        """See ``Confined.close``."""
        await self._child.close()
        self._tally.commands_ns += self._child.cpu_ns - self.cpu_ns
        self.cpu_ns = self._child.cpu_ns
