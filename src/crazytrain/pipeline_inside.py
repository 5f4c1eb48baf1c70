"""Joins the stages for one guest's inside: readings and samples (collect), figures (derive), a report. Kept apart from
``pipeline`` because a first answer has to be there at once: no cause and no other collector is loaded for it.
"""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TypeVar

import msgspec

from crazytrain import __version__
from crazytrain.collect.inside_monitor import Asker, asker
from crazytrain.collect.inside_session import Session, open_session
from crazytrain.decode.inside import decode_inside_log
from crazytrain.derive.inside_view import inside_view
from crazytrain.host.door import Host
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts import Facts
from crazytrain.model.facts.clock import GuestClock
from crazytrain.model.facts.inside import GuestKernel, GuestLog, InsideLog, InsideProfile, InsideReading, Missing
from crazytrain.model.facts.vcpu import VcpuActivity, VcpuView
from crazytrain.model.guest import Accelerator, Guest
from crazytrain.model.guest_memory import Unreadable
from crazytrain.model.inside_report import InsideReport
from crazytrain.report.guest_words import guest_view

T = TypeVar("T")
Tell = Callable[[InsideReport], None]

_PARTS = ("clock", "cpus", "tasks", "stacks", "locks")
_LOG_RECORDS = 100_000
_LOG_EVERY_NS = 5 * 10**9  # where it is watched: all of it is read each time
_OUTSIDE_S = 1.0
_WATCHED_PER_S = 500.0


class InsidePlan(msgspec.Struct, frozen=True, kw_only=True):
    """How to look: for how long (0: one instant only), whether the monitor may be asked, whether symbols that were kept may be
    used, for how long the guest may be paused in all, and whether its whole kernel log is wanted.
    """

    window_s: float = 1.0
    monitor: bool = True
    cache: bool = True
    may_pause_ms: float = 0.0
    log: bool = False

    def every(self, window_s: float) -> "InsidePlan":
        """The same with another window."""
        return msgspec.structs.replace(self, window_s=window_s)


class _Look:
    """One look inside as it goes on: what was seen until now, and what could not be."""

    def __init__(self, host: Host, guest: Guest, plan: InsidePlan) -> None:
        self.host = host
        self.guest = guest
        self.plan = plan
        self.asker: Asker | None = asker(host, guest) if plan.monitor else None
        self.kernel: InsideReading | None = None
        self.first: InsideReading | None = None
        self.last: InsideReading | None = None
        self.profile: InsideProfile | None = None
        self.log: InsideLog | None = None
        self.outside: tuple[VcpuActivity, ...] = ()
        self.kvmclock: GuestClock | None = None
        self.missing: list[Missing] = []
        self._log_due_ns = 0
        self._begin_ns, self._begin_cpu_ns = host.mono_ns(), host.cpu_ns()

    async def tried(self, what: str, asked: Awaitable[T]) -> T | None:
        """The answer, or ``None`` and the reason kept."""
        try:
            return await asked
        except Unreadable as error:
            self.missing.append(Missing(what, str(error)))
            return None

    async def begin(self, session: Session) -> None:
        """Find the kernel and read it a first time."""
        self.kernel = await self.tried("kernel", session.begin(fresh=not self.plan.cache))
        if self.kernel:
            self.missing += self.kernel.missing
        self.first = await self.reading(session) or self._kernel_only()

    def _kernel_only(self) -> InsideReading | None:
        return msgspec.structs.replace(self.kernel, missing=()) if self.kernel and self.kernel.kernel else None

    @property
    def knows_kernel(self) -> bool:
        """Whether there is a kernel whose structures can be read."""
        return bool(self.kernel and self.kernel.kernel and self.kernel.kernel.symbols)

    async def reading(self, session: Session) -> InsideReading | None:
        """All parts at one instant; only the banner where no more is known."""
        if not self.knows_kernel:
            return self._kernel_only()
        got = await self.tried("the guest's kernel", session.read(_PARTS))
        return msgspec.structs.replace(got, kernel=self._found()) if got else None

    def _found(self) -> GuestKernel | None:
        """The kernel, with how long it took to find it."""
        begun = self.kernel
        if begun is None or begun.kernel is None:
            return None
        return msgspec.structs.replace(begun.kernel, took_ns=begun.kernel.took_ns or begun.took_ns)

    async def window(self, session: Session) -> None:
        """Watch for the length of the window, then read again."""
        begin_ns = self.host.mono_ns()
        until_ns = begin_ns + int(self.plan.window_s * 1e9)
        self.profile = await self.tried("samples", self._sampled(session, begin_ns, until_ns))
        await self.host.sleep_until(until_ns)
        self.last = await self.reading(session)

    async def _sampled(self, session: Session, begin_ns: int, until_ns: int) -> InsideProfile:
        """Tasks by memory alone, and registers by the monitor where it may be asked."""
        from crazytrain.collect.inside_sampling import Sampled, Wish, sample_registers  # noqa: PLC0415 - after the first answer
        from crazytrain.collect.look import Look  # noqa: PLC0415

        await session.watch(until_ns, _WATCHED_PER_S)
        look = Look(host=self.host, guest=self.guest, start_ns=begin_ns, end_ns=until_ns, keep=lambda _: None)
        seen = Sampled(samples=0, missing=(Missing("registers", "the monitor was not to be asked"),))
        if self.plan.monitor:
            wish = Wish(may_pause_ns=int(self.plan.may_pause_ms * 1e6))
            seen = await sample_registers(
                look, lambda text, at_ns, stopped: session.spot(text, at_ns, stopped=stopped), wish
            )
        await self.host.sleep_until(until_ns)
        profile = await session.summarise(seen.paused_ns)
        return msgspec.structs.replace(profile, missing=(*profile.missing, *seen.missing))

    async def again(self, session: Session) -> bool:
        """Look once more over a window, from where the last look ended; whether anything was seen."""
        self.missing.clear()
        if self.knows_kernel:
            self.first = self.last or self.first
            await self.window(session)
            if self.last is None:  # it may have booted meanwhile: what runs now is looked for anew
                self.profile, self.log, self._log_due_ns = None, None, 0
                await self.begin(session)
                return self.first is not None
            if self.host.mono_ns() >= self._log_due_ns:
                self._log_due_ns = self.host.mono_ns() + _LOG_EVERY_NS
                self.log = await self.tried("its kernel log", session.log(_LOG_RECORDS))
            return True
        begin_ns = self.host.mono_ns()
        self.outside = await _outside(self.host, self.guest) if self.plan.monitor else ()
        await self.host.sleep_until(begin_ns + int(self.plan.window_s * 1e9))
        return bool(self.outside)

    async def read_kvmclock(self) -> None:
        """Find the pages that KVM keeps for the guest's clock, and watch them over the window. Only KVM writes them."""
        if self.guest.accelerator is Accelerator.KVM:
            self.kvmclock = await _kvmclock(self.host, self.guest, self.plan.window_s)

    def report(self) -> InsideReport:
        """What is known until now."""
        newest = self.last or self.first
        view = inside_view(self.first, newest, self.profile, self._matters()) if self.first and newest else None
        return InsideReport(
            tool=f"crazytrain {__version__}",
            guest=guest_view(self.guest),
            at=dt.datetime.fromtimestamp(self.host.wall_ns() / 1e9, dt.UTC).isoformat(timespec="milliseconds"),
            view=view,
            first=self.first,
            last=self.last,
            profile=self.profile,
            log=self.log if self.plan.log else None,
            outside=self.outside,
            kvmclock=self.kvmclock,
            missing=tuple(dict.fromkeys(self.missing)),
            took_ns=self.host.mono_ns() - self._begin_ns,
            cpu_ns=self.host.cpu_ns() - self._begin_cpu_ns,
        )

    def _matters(self) -> GuestLog | None:
        if self.log is None:
            return None
        kept = Evidence(id="inside-log", kind=Kind.INSIDE_LOG, source="", data=msgspec.json.encode(self.log))
        return next((one for one in decode_inside_log(kept) if isinstance(one, GuestLog)), None)


async def look_inside(host: Host, guest: Guest, plan: InsidePlan, tell: Tell) -> InsideReport:
    """Look into a guest once. ``tell`` gets what the first instant shows as soon as it is there.

    Never raises for what cannot be read: that is told in the report. What is known of a guest without a kernel that we can
    read is how its vCPUs' registers stand.
    """
    look = _Look(host, guest, plan)
    async with _opened(look) as session:
        if session:
            await look.begin(session)
            tell(look.report())
        async with asyncio.TaskGroup() as beside:
            if plan.window_s > 0:
                beside.create_task(look.read_kvmclock())
            if session and plan.window_s > 0 and look.knows_kernel:
                await look.window(session)
            if not look.knows_kernel and plan.monitor:
                look.outside = await _outside(host, guest)
        if session and look.knows_kernel:
            look.log = await look.tried("its kernel log", session.log(_LOG_RECORDS))
    return look.report()


async def watch_inside(host: Host, guest: Guest, plan: InsidePlan) -> AsyncGenerator[InsideReport, None]:
    """Look again and again, each time over a window of the plan, until nobody asks any more or the guest has gone."""
    look = _Look(host, guest, plan)
    async with _opened(look) as session:
        if session is None:
            yield look.report()
            return
        await look.begin(session)
        yield look.report()
        while await look.again(session):
            yield look.report()
        yield look.report()


@contextlib.asynccontextmanager
async def _opened(look: _Look) -> AsyncIterator[Session | None]:
    """Open a session, or say why there is none."""
    async with contextlib.AsyncExitStack() as stack:
        opened = stack.enter_async_context(open_session(look.host, look.guest, look.asker))
        yield await look.tried("the guest's memory", opened)


async def _outside(host: Host, guest: Guest) -> tuple[VcpuActivity, ...]:
    """How the vCPUs' registers stand, in some looks."""
    from crazytrain.collect.look import Look  # noqa: PLC0415 - only where the kernel is not known
    from crazytrain.collect.vcpus import collect_vcpus  # noqa: PLC0415
    from crazytrain.decode.registers import decode_registers  # noqa: PLC0415
    from crazytrain.derive.vcpus import derive_vcpus  # noqa: PLC0415

    seen: list[Evidence] = []
    begin_ns = host.mono_ns()
    end_ns = begin_ns + int(_OUTSIDE_S * 1e9)
    await collect_vcpus(Look(host=host, guest=guest, start_ns=begin_ns, end_ns=end_ns, keep=seen.append))
    view = derive_vcpus(Facts(fact for one in seen for fact in decode_registers(one)))
    return view.vcpus if isinstance(view, VcpuView) else ()


async def _kvmclock(host: Host, guest: Guest, window_s: float) -> GuestClock | None:
    from crazytrain.collect.look import Look  # noqa: PLC0415 - after the first answer
    from crazytrain.collect.pvclock import collect_pvclock  # noqa: PLC0415
    from crazytrain.decode.pvclock import decode_pvclock  # noqa: PLC0415
    from crazytrain.derive.clock import derive_clock  # noqa: PLC0415

    seen: list[Evidence] = []
    begin_ns = host.mono_ns()
    end_ns = begin_ns + int(window_s * 1e9)
    await collect_pvclock(Look(host=host, guest=guest, start_ns=begin_ns, end_ns=end_ns, keep=seen.append))
    return derive_clock(Facts(fact for one in seen if one.usable for fact in decode_pvclock(one)))
