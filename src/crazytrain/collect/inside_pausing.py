"""Exact samples of a guest's registers and stacks: the guest is paused for each, by permission only, and runs on in all cases.

A pause is QMP's ``stop``, the registers, whatever is read of the stacks, and ``cont``. It takes some milliseconds; ``stop`` also
lets QEMU write out what its disks hold back. Never the gdb stub: connecting to it pauses the guest, and who dies then leaves it so.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

import msgspec

from crazytrain.collect.monitor_questions import human, question
from crazytrain.host.door import Host, MonitorEnded, Pause, Talking
from crazytrain.model.evidence import Outcome

T = TypeVar("T")
Spotted = Callable[
    [str, int, bool], Coroutine[object, object, None]
]  # text of the registers, when (monotonic ns), whether paused
REGISTERS = human("info registers -a")
_STATUS, _STOP, _CONT = question("query-status"), question("stop"), question("cont")
_MIGRATION = question("query-migrate")
_NOT_MIGRATING = ("", "none", "completed", "failed", "cancelled")
_LONGEST_S = 0.5  # of one pause, however much is allowed in all
_SHORTEST_S = 0.02  # a guard that acts sooner would act while all is well
_OUR_PART = 0.75  # of the time until the guard acts
_LEAST_APART = 10  # lengths of a pause
_FIRST_NS = 20_000_000  # what a pause may take, before one was seen


class _Status(msgspec.Struct):
    status: str = ""


class _Answer(msgspec.Struct, rename={"said": "return"}):
    said: msgspec.Raw = msgspec.Raw(b"null")
    error: object = None
    event: str = ""


class Allowance:
    """How long a guest may be paused in all until ``end_ns``, and how much of that is used. ``ended``: why no more pauses are made.

    Pauses are spread over the time there is, and take no more than a tenth of it.
    """

    def __init__(self, allowed_ns: int, end_ns: int) -> None:
        self._allowed_ns = allowed_ns
        self._end_ns = end_ns
        self._due_ns = 0
        self.used_ns = 0
        self.longest_ns = _FIRST_NS
        self.ended = ""

    @property
    def left_ns(self) -> int:
        """What is left of it."""
        return self._allowed_ns - self.used_ns

    @property
    def suffices(self) -> bool:
        """Whether another pause as long as the longest one fits."""
        return not self.ended and self.left_ns >= self.longest_ns

    def is_due(self, now_ns: int) -> bool:
        """Whether it is time for a pause."""
        return self.suffices and now_ns >= self._due_ns

    def spend(self, begin_ns: int, now_ns: int) -> None:
        """Count a pause, and say when the next one is due."""
        took_ns = now_ns - begin_ns
        self.longest_ns = took_ns if not self.used_ns else max(self.longest_ns, took_ns)
        self.used_ns += took_ns
        pauses_left = max(1, self.left_ns // max(1, self.longest_ns))
        self._due_ns = begin_ns + max(took_ns * _LEAST_APART, (self._end_ns - now_ns) // pauses_left)


async def answered(line: Talking, command: bytes, wanted: type[T]) -> T:
    """Ask, and read what came back. Raises ``MonitorEnded`` where QEMU refuses, or says something else."""
    try:
        for text in (await line.ask(command)).splitlines():
            answer = msgspec.json.decode(text, type=_Answer)
            if answer.error is not None:
                break
            if not answer.event:
                return msgspec.json.decode(answer.said, type=wanted)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise MonitorEnded(Outcome.BROKE, "an answer of QEMU could not be read") from error
    raise MonitorEnded(Outcome.BROKE, "QEMU refused a question")


async def registers(line: Talking) -> str:
    """Ask for the registers of all vCPUs."""
    return await answered(line, REGISTERS, str)


async def may_be_paused(line: Talking) -> str:
    """Say why this guest must not be paused now, or nothing."""
    if (await answered(line, _MIGRATION, _Status)).status not in _NOT_MIGRATING:
        return "the guest was not paused: it is being migrated"
    return ""


async def spot_paused(host: Host, line: Talking, pause: Pause, allowance: Allowance, spot: Spotted) -> bool:
    """Pause the guest, look, let it run on; whether it was running at all. Raises ``MonitorEnded`` where QEMU does not answer.

    Whoever raises here leaves the guard armed, and it resumes the guest.
    """
    status = (await answered(line, _STATUS, _Status)).status
    if status != "running":
        allowance.ended = f"the guest was not paused: its status is {status[:40]}, not running"
        return False
    line.heard()
    begin_ns = host.mono_ns()
    limit_s = max(_SHORTEST_S, min(_LONGEST_S, allowance.left_ns / 1e9))
    try:
        pause.arm(limit_s)
        async with asyncio.timeout(limit_s * _OUR_PART):  # while we can, the guard need not, which reads the same line
            spotting = await _paused(line, spot, begin_ns, allowance, limit_s / 2)
        pause.disarm()
    except TimeoutError as error:
        allowance.ended = "the pauses were ended: the monitor did not answer in time"
        raise MonitorEnded(Outcome.TIMED_OUT, allowance.ended) from error
    except (MonitorEnded, OSError) as error:
        allowance.ended = f"the pauses were ended: {error}"
        raise
    finally:
        allowance.spend(begin_ns, host.mono_ns())
    await spotting
    return True


async def _paused(
    line: Talking, spot: Spotted, begin_ns: int, allowance: Allowance, limit_s: float
) -> "asyncio.Future[None]":
    """Pause, look, resume; gives the look, which may not have come back yet."""
    await answered(line, _STOP, object)
    text = await registers(line)
    spotting = asyncio.ensure_future(spot(text, begin_ns, True))  # noqa: FBT003 - a Spotted has no names
    try:
        done, _ = await asyncio.wait({spotting}, timeout=limit_s)
        if not done:
            allowance.ended = "the pauses were ended: reading the stacks took too long"
        await _resume(line)
    except BaseException:
        spotting.cancel()
        raise
    return spotting


async def _resume(line: Talking) -> None:
    """Let it run on, unless somebody else has resumed it meanwhile: what it does now is then theirs."""
    if "RESUME" not in line.heard() and (await answered(line, _STATUS, _Status)).status == "paused":
        await answered(line, _CONT, object)
