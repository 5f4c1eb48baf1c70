"""Copy the RAM of a running guest, mutate pages of it, look into it, over and over. The child may fail; we never.

Prints what came of it as JSON; the exit code is 1 where anything but an answer or a reason came of a look.
"""

import argparse
import asyncio
import collections
import json
import os
import random
import sys
import time
from collections.abc import Awaitable, Iterator
from typing import TypeVar

import msgspec

from crazytrain.collect import discover
from crazytrain.collect.find import find
from crazytrain.collect.inside_monitor import asker, human_text
from crazytrain.collect.inside_ram import find_ram_map
from crazytrain.collect.inside_session import REGISTERS, Session
from crazytrain.collect.same import boot_id, start_ticks
from crazytrain.decode.command_line import config_of
from crazytrain.decode.inside import decode_inside, decode_inside_log, decode_inside_profile
from crazytrain.derive.inside_view import inside_view
from crazytrain.host import LiveHost
from crazytrain.host.guest_child import GuestChild
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.inside import GuestLog, InsideProfile, InsideReading
from crazytrain.model.guest import Guest, ProcessId
from crazytrain.model.guest_memory import Unreadable
from crazytrain.model.inside_report import InsideReport
from crazytrain.report.guest_words import guest_view
from crazytrain.report.inside_text import Wanted, first_lines, window_lines
from tests.fuzzing.copied import PARTS_ASKED, Copied

T = TypeVar("T")

_BATCHES = (1, 1, 2, 4, 16, 64, 256, 1024, 4096)
_LOOKS_A_CHILD = 50
_SHOWN = Wanted(tasks=True, stacks=True, records=0)


class Fuzz:
    """One run: how many pages were mutated, what became of each look."""

    def __init__(self, host: LiveHost, guest: Guest, copied: Copied, registers: str, seed: int) -> None:
        self.host = host
        self.guest = guest
        self.copied = copied
        self.registers = registers
        self.rolls = random.Random(seed)
        self.pages = self.looks = 0
        self.outcomes: collections.Counter[str] = collections.Counter()
        self.child: GuestChild | None = None

    def session(self) -> Session:
        """A session with the child that lives, or a new one."""
        if self.child is None:
            ticks = start_ticks(self.host, os.getpid())
            assert ticks is not None
            us = ProcessId(pid=os.getpid(), start_ticks=ticks, boot_id=boot_id(self.host))
            self.child = GuestChild(us)
        return Session(self.host, self.guest, self.child, self.copied.ram, None)

    async def end_child(self) -> None:
        """The next session has another one."""
        if self.child is not None:
            await self.child.close()
            self.child = None

    async def look(self) -> None:
        """Mutate before the kernel is found, or after: as a guest may that turns hostile while it is looked at."""
        if self.looks % _LOOKS_A_CHILD == 0:
            await self.end_child()
        session, batch = self.session(), self.rolls.choice(_BATCHES)
        pages = [self.rolls.choice(self.copied.hot) for _ in range(batch)]
        before = self.rolls.random() < 0.3
        if before:
            self.copied.mutate(pages, self.rolls)
        kernel = await self.told("begin", session.begin(self.registers, fresh=True))
        if not before:
            self.copied.mutate(pages, self.rolls)
        self.pages, self.looks = self.pages + batch, self.looks + 1
        first = await self.told("read", session.read(PARTS_ASKED, 5000, self.registers))
        await self.told("watch", session.watch(time.monotonic_ns() + 10**9, 2000))
        await asyncio.sleep(0.005)  # some looks at current tasks
        for stopped in (True, False):
            await self.told("spot", session.spot(self.registers, time.monotonic_ns(), stopped=stopped))
        profile = await self.told("summarise", session.summarise())
        log = await self.told("log", session.log(1000))
        last = await self.told("read", session.read(PARTS_ASKED, 5000, self.registers))
        for _ in self._shown(tuple(one for one in (kernel, first, last) if one), profile, log):
            pass
        self.copied.restore()

    async def told(self, what: str, asked: Awaitable[T]) -> "T | None":
        """The answer; ``None`` and the reason counted where there is none. Anything else is a defect of ours and ends the run."""
        try:
            answer = await asked
        except Unreadable as error:
            words = str(error)
            self.outcomes[
                f"{what}: {words if words.startswith(('reading it went', 'the process that')) else 'unreadable'}"
            ] += 1
            if "the process that reads" in words and "ended" in words:
                await self.end_child()
            return None
        self.outcomes[f"{what}: answered"] += 1
        return answer

    def _shown(
        self, readings: tuple[InsideReading, ...], profile: InsideProfile | None, log: object
    ) -> Iterator[object]:
        """Take what came the whole way: evidence, facts, figures, words."""
        for reading in readings:
            yield from decode_inside(_kept(Kind.INSIDE, reading))
        matters = None
        if profile:
            yield from decode_inside_profile(_kept(Kind.INSIDE_PROFILE, profile))
        if log:
            decoded = decode_inside_log(_kept(Kind.INSIDE_LOG, log))
            matters = next((one for one in decoded if isinstance(one, GuestLog)), None)
        if readings:
            view = inside_view(readings[0], readings[-1], profile, matters)
            report = InsideReport(
                tool="fuzz",
                guest=guest_view(self.guest),
                at="",
                view=view,
                first=readings[0],
                last=readings[-1],
                profile=profile,
            )
            yield from (first_lines(report, width=100), window_lines(report, _SHOWN, width=100))
            yield msgspec.json.encode(report)


def _kept(kind: Kind, value: object) -> Evidence:
    return Evidence(id=kind.value, kind=kind, source="fuzz", data=msgspec.json.encode(value))


async def run(wanted: str, pages: int, seconds: float, seed: int) -> int:
    """Fuzz until so many pages were mutated, or the time is over."""
    host = LiveHost()
    guest = find(await discover.guests(host, config_of), wanted)
    (registers,) = await human_text(asker(host, guest), (REGISTERS,))
    copied = Copied(guest.pid, await find_ram_map(host, guest, asker(host, guest)), registers)
    fuzz, end = Fuzz(host, guest, copied, registers, seed), time.monotonic() + seconds
    try:
        while fuzz.pages < pages and time.monotonic() < end:
            await fuzz.look()
    finally:
        await fuzz.end_child()
        told = {
            "pages": fuzz.pages,
            "looks": fuzz.looks,
            "hot pages": len(copied.hot),
            "outcomes": dict(fuzz.outcomes.most_common()),
        }
        print(json.dumps(told, indent=1))
    return 0


def main() -> int:
    """Read the words."""
    parser = argparse.ArgumentParser(prog="tools/fuzz-inside", description=__doc__)
    parser.add_argument("guest", help="name or pid of a running Linux guest")
    parser.add_argument("--pages", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    words = parser.parse_args()
    return asyncio.run(run(words.guest, words.pages, words.seconds, words.seed))


if __name__ == "__main__":
    sys.exit(main())
