"""A look into one running guest, from our side: the child without privileges is started, asked, judged and ended."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

import msgspec

from crazytrain.collect.inside_answers import answer_of, believed_log, believed_profile, believed_reading
from crazytrain.collect.inside_monitor import Asker, human_text
from crazytrain.collect.inside_ram import find_ram_map
from crazytrain.host.door import Confined, Host, outcome_of
from crazytrain.model.evidence import Outcome
from crazytrain.model.facts.inside import InsideLog, InsideProfile, InsideReading, Missing
from crazytrain.model.guest import Guest
from crazytrain.model.guest_memory import RamMap, Unreadable
from crazytrain.model.inside_talk import (
    Ack,
    Ask,
    Begin,
    GotLog,
    GotProfile,
    GotReading,
    Read,
    ReadLog,
    Spot,
    Summarise,
    Watch,
)

T = TypeVar("T")

REGISTERS = "info registers -a"
_PROGRAM = re.compile(r"qemu-system-(\w+)")
_X86 = ("x86_64", "i386")
_BEGIN_S, _ANSWER_S, _KEEP_S = 20.0, 8.0, 3.0


class NoLook(Unreadable):
    """It cannot even be begun; ``outcome`` says of which kind the reason is."""

    def __init__(self, why: str, outcome: Outcome) -> None:
        super().__init__(why)
        self.outcome = outcome


class Session:
    """One guest and the child that reads it. Every method raises ``Unreadable`` where there is no answer that may be believed.

    ``ram`` is where its RAM lies. Asks wait for each other. Made by ``open_session``.
    """

    def __init__(self, host: Host, guest: Guest, child: Confined, ram: RamMap, ask_monitor: Asker | None) -> None:
        self.host = host
        self.guest = guest
        self.ram = ram
        self._child = child
        self._ask_monitor = ask_monitor
        self._turn = asyncio.Lock()

    async def begin(self, registers: str | None = None, *, fresh: bool = False) -> InsideReading:
        """Find the guest's kernel. The reading has only ``kernel`` and what is missing.

        ``registers`` is what ``info registers -a`` printed; without it the monitor is asked, where it may be. ``fresh``: symbols
        that were kept are not used.
        """
        missing: tuple[Missing, ...] = ()
        if registers is None:
            registers, why = await self.registers()
            missing = (Missing("registers", why),) if why else ()
        begin = Begin(
            segments=self.ram.segments, registers=registers, cache_bytes=0 if fresh else self._child.cache_bytes
        )
        got = await self._asked(begin, GotReading, _BEGIN_S)
        await self._keep(got)
        reading = believed_reading(got.reading)
        return msgspec.structs.replace(reading, missing=(*missing, *reading.missing))

    async def _keep(self, got: GotReading) -> None:
        """Keep what the child wrote down for the next time; a disk that hangs is not waited for."""
        if got.cache_bytes:
            with contextlib.suppress(TimeoutError):
                await self.host.patiently(lambda: self._child.keep_cache(got.cache_bytes), _KEEP_S)

    async def registers(self) -> tuple[str, str]:
        """Give what the monitor prints for ``info registers -a``, and why it does not where that is empty."""
        if self._ask_monitor is None:
            return "", "the monitor was not to be asked"
        try:
            (text,) = await human_text(self._ask_monitor, (REGISTERS,))
        except Unreadable as error:
            return "", str(error)
        return text, ""

    async def read(self, parts: Sequence[str], most_tasks: int = 20_000, registers: str | None = None) -> InsideReading:
        """Read these parts ("clock", "cpus", "tasks", "stacks", "locks") at one instant.

        "locks" takes registers of the same moment: ``info registers -a`` as given, else the monitor is asked where it may be.
        """
        missing: tuple[Missing, ...] = ()
        if registers is None and "locks" in parts:
            registers, why = await self.registers()
            missing = (Missing("registers", why),) if why else ()
        ask = Read(parts=tuple(parts), most_tasks=most_tasks, registers=registers or "")
        got = await self._asked(ask, GotReading)
        await self._keep(got)
        reading = believed_reading(got.reading)
        return msgspec.structs.replace(reading, missing=(*missing, *reading.missing))

    async def log(self, most_records: int = 100_000) -> InsideLog:
        """Read the last records of the guest's kernel log."""
        return believed_log((await self._asked(ReadLog(most_records=most_records), GotLog)).log)

    async def watch(self, until_ns: int, per_s: float) -> None:
        """Have it look at every CPU's current task until then, or until it is asked for something else than a spot."""
        await self._asked(Watch(until_ns=until_ns, per_s=per_s), Ack)

    async def spot(self, registers: str, mono_ns: int, *, stopped: bool = False, late: bool = False) -> None:
        """Have it count where the vCPUs are by ``info registers -a``; ``stopped``: the guest is paused just now; ``late``: see ``Spot``."""
        await self._asked(Spot(registers=registers, mono_ns=mono_ns, stopped=stopped, late=late), Ack)

    async def summarise(self, paused_ns: int = 0) -> InsideProfile:
        """Get what was counted since it was begun, or since the last time."""
        return believed_profile((await self._asked(Summarise(paused_ns=paused_ns), GotProfile)).profile)

    async def _asked(self, ask: Ask, wanted: type[T], timeout_s: float = _ANSWER_S) -> T:
        async with self._turn:
            return answer_of(await self._child.ask(msgspec.json.encode(ask), timeout_s), wanted)


@contextlib.asynccontextmanager
async def open_session(
    host: Host,
    guest: Guest,
    ask_monitor: Asker | None,
    find: Callable[[Host, Guest, Asker | None], Awaitable[RamMap]] = find_ram_map,
) -> AsyncIterator[Session]:
    """Look into a guest for the time of a ``with`` block. Call ``begin`` first. Raises ``NoLook`` or ``Unreadable`` where it cannot be.

    ``ask_monitor`` puts questions to the guest's monitor; ``None`` where it must not be asked.
    """
    if why := _why_not_x86(guest):
        raise NoLook(why, Outcome.ABSENT)
    try:
        child = host.confined(guest.process)  # it starts while we ask where RAM lies
    except OSError as error:
        raise NoLook(_why_not(error), outcome_of(error)[0]) from error
    try:
        yield Session(host, guest, child, await find(host, guest, ask_monitor), ask_monitor)
    finally:
        await child.close()


def _why_not_x86(guest: Guest) -> str:
    """Say of a guest of another architecture that it is one; empty where it is of x86, or that is not known."""
    program = guest.command_line[0] if guest.command_line else ""
    named = _PROGRAM.search(program)
    return f"it is a guest of {named[1]}: only guests of x86 are looked into" if named and named[1] not in _X86 else ""


def _why_not(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "reading the guest's memory needs CAP_SYS_PTRACE (be root)"
    if isinstance(error, ProcessLookupError | FileNotFoundError):
        return "the guest's process has ended"
    return f"the guest's memory cannot be opened: {outcome_of(error)[1]}"
