"""Where a guest's vCPUs are, many times: ``info registers -a`` at a steady, bounded rate over the window.

The monitor is held for a moment at a time only, for others want it, too. libvirt's is asked through virsh, in short bursts.
"""

from contextlib import AsyncExitStack

import msgspec

from crazytrain.collect.chardevs import monitors, reachable
from crazytrain.collect.inside_pausing import (
    REGISTERS,
    Allowance,
    Spotted,
    may_be_paused,
    registers,
    spot_paused,
)
from crazytrain.collect.look import Look
from crazytrain.collect.monitor import by_virsh
from crazytrain.collect.monitor_waiting import PAGES_WAITED_FOR, is_stopped, waits_for_pages
from crazytrain.collect.same import still_same
from crazytrain.collect.virsh import ask_virsh
from crazytrain.host.door import MonitorEnded, Pause, Talking
from crazytrain.model.evidence import Outcome
from crazytrain.model.facts.inside import Missing

PER_S, MOST_PER_S = 50.0, 100.0
_BURST, _BURST_EVERY_NS = 4, 400_000_000  # through virsh
_ANSWER_S = 1.0
_HOLD_NS = 700_000_000  # who else of us waits for the monitor gives up after a second
_BREATH_NS = 20_000_000
_MOST_SHARE = 0.1  # of the time may go into answers: a guest of many vCPUs is asked less often
_MOST_TROUBLE = 3


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """How often to look, and for how long the guest may be paused in all for exact stacks (0: not at all)."""

    per_s: float = PER_S
    may_pause_ns: int = 0


class _Said(msgspec.Struct, rename={"text": "return"}):
    text: str = ""
    mono_ns: int = 0


class Sampled(msgspec.Struct, frozen=True, kw_only=True):
    """How many looks there were, for how long the guest was paused for them in all, and what is missing."""

    samples: int
    paused_ns: int = 0
    missing: tuple[Missing, ...] = ()


async def sample_registers(look: Look, spot: Spotted, wish: Wish) -> Sampled:
    """Look at the registers until the window ends, each time handing the text to ``spot``. Raises what ``spot`` raises."""
    sampling = _Sampling(look, spot, wish)
    if by_virsh(look):
        await sampling.by_virsh()
    else:
        await sampling.by_socket()
    return sampling.done()


class _Sampling:
    """One window's looks."""

    def __init__(self, look: Look, spot: Spotted, wish: Wish) -> None:
        self._look = look
        self._host = look.host
        self._spot = spot
        self._wish = wish
        self._allowance = Allowance(wish.may_pause_ns, look.end_ns)
        self._samples = self._least_ns = 0
        self._why = ""
        self._due_ns = look.host.mono_ns()

    def done(self) -> Sampled:
        """Give what came of it."""
        missing = []
        if self._why:
            missing.append(Missing("registers", self._why))
        if self._allowance.ended:
            missing.append(Missing("paused looks", self._allowance.ended))
        return Sampled(samples=self._samples, paused_ns=self._allowance.used_ns, missing=tuple(missing))

    def _over(self) -> bool:
        return self._host.mono_ns() >= self._look.end_ns

    async def by_socket(self) -> None:
        """Hold the guest's own monitor again and again, for a moment each."""
        paths = [one.chardev.path for one in monitors(self._look.guest.command_line) if one.askable][:1]
        if not paths:
            self._why = "there is no QMP socket that we may ask"
        trouble = 0
        while paths and not self._over() and trouble < _MOST_TROUBLE:
            try:
                await self._hold(reachable(self._host, self._look.guest.pid, paths[0]))
                trouble = 0
            except MonitorEnded as ended:
                self._why, trouble = ended.detail, trouble + 1
                if ended.outcome in (Outcome.ABSENT, Outcome.DENIED):
                    break
            await self._host.sleep_until(self._host.mono_ns() + _BREATH_NS)

    async def _hold(self, path: str) -> None:
        if not still_same(self._host, self._look.guest.process):
            raise MonitorEnded(Outcome.ABSENT, "the guest's process has ended")
        if who := await waits_for_pages(self._look):
            raise MonitorEnded(Outcome.ABSENT, f"not asked: {who} {PAGES_WAITED_FOR}")
        async with self._host.talking(path, timeout_s=_ANSWER_S) as line, AsyncExitStack() as stack:
            pause = await self._pause(line, stack)
            until_ns = min(self._look.end_ns, self._host.mono_ns() + _HOLD_NS)
            while self._host.mono_ns() < until_ns:
                await self._one(line, pause)
                await self._host.sleep_until(min(self._due_ns, until_ns))

    async def _pause(self, line: Talking, stack: AsyncExitStack) -> Pause | None:
        """Start the guard where the guest may still be paused."""
        if not self._wish.may_pause_ns or not self._allowance.suffices:
            return None
        self._allowance.ended = await may_be_paused(line)
        if self._allowance.ended:
            return None
        try:
            return await stack.enter_async_context(line.guarded())
        except TimeoutError as error:
            self._allowance.ended = f"the guest was not paused: {error}"
            return None

    async def _one(self, line: Talking, pause: Pause | None) -> None:
        begin_ns = self._host.mono_ns()
        if pause is not None and self._allowance.is_due(begin_ns):
            if not await spot_paused(self._host, line, pause, self._allowance, self._spot):
                return
            took_ns = 0
        else:
            text = await registers(line)
            took_ns = self._host.mono_ns() - begin_ns
            await self._spot(text, begin_ns, False)  # noqa: FBT003 - a Spotted has no names
        self._samples += 1
        self._due_ns = self._next_ns(begin_ns, took_ns)

    def _next_ns(self, begin_ns: int, took_ns: int) -> int:
        """When to look again: who is late does not hurry. The shortest answer is the one that waited for nothing."""
        if took_ns:
            self._least_ns = min(self._least_ns or took_ns, took_ns)
        apart_ns = 1e9 / min(max(self._wish.per_s, 0.1), MOST_PER_S)
        return max(self._due_ns + int(apart_ns), begin_ns + int(max(apart_ns / 2, self._least_ns / _MOST_SHARE)))

    async def by_virsh(self) -> None:
        """Let virsh ask, a few looks at a time."""
        if self._wish.may_pause_ns:
            self._allowance.ended = "libvirt owns this guest's monitor: it was not paused"
        while not self._over() and not self._why:
            if is_stopped(self._look):
                self._why = "the process is stopped (SIGSTOP or a debugger), and libvirt would wait for it"
                return
            begin_ns = self._host.mono_ns()
            data, outcome, detail = await ask_virsh(self._host, self._look.guest, [REGISTERS] * _BURST)
            for line in data.splitlines():
                await self._said(line)
            if outcome is not Outcome.OK:
                self._why = detail
            await self._host.sleep_until(min(begin_ns + _BURST_EVERY_NS, self._look.end_ns))

    async def _said(self, line: bytes) -> None:
        """Hand over what virsh printed for one look."""
        said = msgspec.json.decode(line, type=_Said)
        if said.text:
            await self._spot(said.text, said.mono_ns, False)  # noqa: FBT003
            self._samples += 1
