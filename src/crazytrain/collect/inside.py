"""What the guest's own kernel keeps in its RAM, as evidence: at both ends of the window, what ran between, the end of its log."""

import asyncio
from collections.abc import Awaitable, Iterator

import msgspec

from crazytrain.collect.inside_monitor import Asker, asker
from crazytrain.collect.inside_session import NoLook, Session, open_session
from crazytrain.collect.look import Collector, Look
from crazytrain.collect.same import gone, still_same
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome
from crazytrain.model.facts.inside import InsideLog, InsideProfile, InsideReading, Missing
from crazytrain.model.guest_memory import Unreadable

_PARTS = ("clock", "cpus", "tasks", "stacks", "locks")
_LIGHT_PARTS = ("clock", "cpus", "tasks")
_MOST_TASKS = 5000
_RECORDS = 400
_WATCHED_PER_S = 200.0
# Samples of registers that were heard and not yet looked up: later than that RAM tells of another moment.
_MOST_WAITING = 8
_ENOUGH = 12  # samples that were heard: below that those from before count, too


async def collect_inside(look: Look) -> None:
    """Keep ``inside.0`` and ``inside.1`` (what was read at each end), ``inside.profile`` and ``inside.log``.

    Below ``samples``, or with no CPU time left to spend, the monitor is left alone: RAM is found by the mappings, the kernel by
    what lies in RAM. Where one of them cannot be, it is evidence that says why, and what follows from it is not tried.
    """
    host = look.host
    if not still_same(host, look.guest.process):
        look.keep(gone(look, "inside.0", Kind.INSIDE))
        return
    poor = look.purse is not None and bool(look.purse.cpu_refusal())
    ask = asker(host, look.guest) if look.ceiling.allows(Cost.SAMPLES) and not poor else None
    try:
        async with open_session(host, look.guest, ask) as session:
            await _Inside(look, session, ask).collect()
    except NoLook as error:
        look.keep(_evidence(look, "inside.0", Kind.INSIDE, str(error), error.outcome))
    except Unreadable as error:
        look.keep(_evidence(look, "inside.0", Kind.INSIDE, str(error)))


class _Inside:
    """One look inside as it goes on."""

    def __init__(self, look: Look, session: Session, ask: Asker | None) -> None:
        self._look = look
        self._session = session
        self._ask = ask
        self._cost = Cost.SAMPLES if ask else Cost.READS
        self._known = False

    async def collect(self) -> None:
        if not await self._kept("inside.0", Kind.INSIDE, self._read()):
            return
        if not self._look.light:
            await self._sample()
        await self._look.host.sleep_until(self._look.end_ns)
        await self._kept("inside.1", Kind.INSIDE, self._read())
        if not self._look.light:
            await self._kept("inside.log", Kind.INSIDE_LOG, self._session.log(_RECORDS))

    async def _sample(self) -> None:
        """Keep what ran in the window, unless the budget is used up."""
        why = self._look.purse.cpu_refusal() if self._look.purse else ""
        if why:
            self._look.keep(_evidence(self._look, "inside.profile", Kind.INSIDE_PROFILE, why))
        else:
            await self._kept("inside.profile", Kind.INSIDE_PROFILE, self._profile())

    async def _kept(self, name: str, kind: Kind, asked: Awaitable[InsideReading | InsideProfile | InsideLog]) -> bool:
        """Keep what comes of it; whether it was there."""
        host = self._look.host
        begin_ns, wall_ns = host.mono_ns(), host.wall_ns()
        try:
            seen = msgspec.json.encode(await asked) + b"\n"
        except Unreadable as error:
            self._look.keep(_evidence(self._look, name, kind, str(error)))
            return False
        kept = _evidence(self._look, name, kind, "", Outcome.OK)
        took_ns = host.mono_ns() - begin_ns
        times = {"mono_ns": begin_ns, "wall_ns": wall_ns, "took_ns": took_ns}
        self._look.keep(msgspec.structs.replace(kept, data=seen, cost=self._cost, **times))
        return True

    async def _read(self) -> InsideReading:
        """Find the kernel (it may be another one at the window's end) and read it; only what begins is said where it was not found."""
        registers, why = await self._session.registers()
        begun = await self._session.begin(registers)
        missing = (Missing("registers", why), *begun.missing) if why else begun.missing
        if begun.kernel is None or not begun.kernel.symbols:
            return msgspec.structs.replace(begun, missing=missing)
        self._known = True
        parts = _LIGHT_PARTS if self._look.light else _PARTS
        read = await self._session.read(parts, _MOST_TASKS, registers)
        return msgspec.structs.replace(read, kernel=begun.kernel, missing=(*missing, *read.missing))

    async def _profile(self) -> InsideProfile:
        """Who is on each CPU, by memory alone until shortly before the end; where each vCPU is, as its registers are heard.

        The registers are those that others of us ask the monitor for anyway: each answer costs a guest that leaves guest mode
        all the time a millisecond.
        """
        host, end_ns = self._look.host, self._look.end_ns
        await self._session.watch(end_ns, _WATCHED_PER_S)
        spots = _Spots(self._session)
        try:
            with self._look.registers.heard_by(spots.hear if self._ask and self._known else _deaf):
                await host.sleep_until(end_ns)
            await spots.done()
            if self._ask and self._known and spots.heard < _ENOUGH:
                await self._spot_unheard(spots)
        finally:
            spots.cancel()
        profile = await self._session.summarise()
        return msgspec.structs.replace(profile, missing=(*profile.missing, *self._unheard(spots)))

    async def _spot_unheard(self, spots: "_Spots") -> None:
        """Name what was sampled before the kernel was found: on a host that is busy that takes most of the window."""
        for registers, mono_ns in self._look.registers.unheard():
            if mono_ns >= self._look.start_ns:
                await self._session.spot(registers, mono_ns, late=True)
                spots.heard += 1

    def _unheard(self, spots: "_Spots") -> Iterator[Missing]:
        if not self._ask:
            yield Missing("registers", "the monitor was not asked: --cost reads")
        elif not self._known:
            yield Missing("registers", "without a kernel that is known nothing more comes of them than vcpus tells")
        elif not spots.heard:
            yield Missing("registers", "none came while it was looked: vcpus says why")


def _deaf(_text: str, _mono_ns: int) -> None:
    """Hear nothing."""


class _Spots:
    """Samples of registers on their way to the child: who tells them does not wait for it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._queue: asyncio.Queue[tuple[str, int] | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._hand_over())
        self.heard = 0

    def hear(self, registers: str, mono_ns: int) -> None:
        """Take one, unless the child is behind."""
        self.heard += 1
        if self._queue.qsize() < _MOST_WAITING:
            self._queue.put_nowait((registers, mono_ns))

    async def _hand_over(self) -> None:
        while one := await self._queue.get():
            await self._session.spot(*one)

    async def done(self) -> None:
        """Wait until all that was taken was looked up. Raises ``Unreadable`` where the child did not answer."""
        self._queue.put_nowait(None)
        await self._task

    def cancel(self) -> None:
        """Hand over no more."""
        self._task.cancel()


def _evidence(look: Look, name: str, kind: Kind, detail: str, outcome: Outcome = Outcome.ABSENT) -> Evidence:
    return Evidence(
        id=name,
        kind=kind,
        source=f"/proc/{look.guest.pid}/mem",
        outcome=outcome,
        detail=detail,
        mono_ns=look.host.mono_ns(),
        wall_ns=look.host.wall_ns(),
    )


COLLECTOR = Collector(
    name="inside",
    cost=Cost.READS,
    timeout_s=20.0,
    limit_bytes=64 << 20,
    run=collect_inside,
    cpu_ns=90_000_000,  # what the readings take: without them there is often no answer. Samples are left out when nothing is left
)
