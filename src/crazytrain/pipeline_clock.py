"""Joins the stages for ``crazytrain clock``: what is written down, what runs, what the guest says, how it goes, what fits badly."""

import asyncio
import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from crazytrain import __version__
from crazytrain.collect import clock_setup, console, host_facts, identity, inside, pvclock
from crazytrain.collect.clock_agent import NAME as AGENT
from crazytrain.collect.clock_agent import collect_clock_agent
from crazytrain.collect.clock_rtc import collect_clock_rtc
from crazytrain.collect.look import Collector, Look
from crazytrain.collect.running import run_collectors
from crazytrain.decode.clock_agent import decode_clock_agent
from crazytrain.decode.clock_argv import decode_clock_identity
from crazytrain.decode.clock_console import decode_clock_console
from crazytrain.decode.clock_xml import decode_clock_setup
from crazytrain.decode.host import decode_host
from crazytrain.decode.identity import decode_identity
from crazytrain.decode.inside import decode_inside
from crazytrain.decode.pvclock import decode_pvclock
from crazytrain.decode.qmp import decode_qmp
from crazytrain.decode.qmp_devices import decode_qmp_devices
from crazytrain.decode.qmp_services import decode_qmp_services
from crazytrain.derive.clock import derive_clock
from crazytrain.derive.clock_fit import judged
from crazytrain.derive.clock_state import derive_clock_state
from crazytrain.derive.clock_written import pending
from crazytrain.derive.inside import derive_inside
from crazytrain.host.door import Host
from crazytrain.model.clock_report import ClockReport
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome
from crazytrain.model.facts import Facts, GuestClock, HostFacts, QemuState
from crazytrain.model.facts.clock_setup import AgentClock, ClockArgv, ClockState, ClockXml
from crazytrain.model.facts.devices import MachineTraits
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.inside import Missing
from crazytrain.model.facts.services import RtcReading
from crazytrain.model.guest import Accelerator, Guest, Manager
from crazytrain.report.evidence_words import evidence_view
from crazytrain.report.guest_words import guest_view

_DECODERS: tuple[tuple[Kind, Callable[[Evidence], Iterable[object]]], ...] = (
    (Kind.IDENTITY, decode_identity),
    (Kind.IDENTITY, decode_clock_identity),
    (Kind.CLOCK_SETUP, decode_clock_setup),
    (Kind.CLOCK_AGENT, decode_clock_agent),
    (Kind.CONSOLE, decode_clock_console),
    (Kind.HOST, decode_host),
    (Kind.INSIDE, decode_inside),
    (Kind.PVCLOCK, decode_pvclock),
    (Kind.QMP, decode_qmp),
    (Kind.QMP, decode_qmp_services),
    (Kind.QMP_DEVICES, decode_qmp_devices),
)
_DERIVERS: tuple[Callable[[Facts], object | None], ...] = (derive_clock, derive_inside)
_AGENT = Collector(name=AGENT, cost=Cost.SAMPLES, timeout_s=30.0, limit_bytes=1 << 20, run=collect_clock_agent)
_RTC = Collector(name="clock-rtc", cost=Cost.SAMPLES, timeout_s=6.0, limit_bytes=8 << 20, run=collect_clock_rtc)
_READ = (identity.COLLECTOR, host_facts.COLLECTOR, clock_setup.COLLECTOR, console.COLLECTOR)
# What each evidence stands for where it could not be had.
_WAYS = {
    AGENT: "its agent",
    "inside.0": "its memory",
    "clock-rtc": "its RTC",
    "clock-setup": "its XML",
    "console.0": "its console",
    "identity.1": "its command line",
}


class ClockWish(msgspec.Struct, frozen=True, kw_only=True):
    """How to look: for how long, and which ways may be taken.

    ``agent``: ask the guest's agent (libvirt then marks the domain: custom-ga-command). ``memory``: read the guest's RAM (takes root).
    ``monitor``: ask QEMU's monitor (libvirt then marks the domain: custom-monitor).
    """

    window_s: float = 3.0
    agent: bool = True
    memory: bool = True
    monitor: bool = True


async def clock_shown(
    host: Host, guest: Guest, wish: ClockWish | None = None, told: Callable[[str], None] | None = None
) -> ClockReport:
    """Look at a guest's clock and say what fits badly; nothing is changed.

    ``told`` hears how far it is. Never raises for what cannot be seen: the report says what is missing, and why.
    """
    wish = wish or ClockWish()
    begin_ns, begin_cpu_ns = host.mono_ns(), host.cpu_ns()
    if told:
        told(f"looking at the clock of {guest.name or guest.pid} for {wish.window_s:g} s")
    seen: list[Evidence] = []
    end_ns = begin_ns + int(wish.window_s * 1e9)
    await _seen(Look(host=host, guest=guest, start_ns=begin_ns, end_ns=end_ns, keep=seen.append), wish)
    report = _report(guest, seen)
    return msgspec.structs.replace(
        report,
        at=dt.datetime.fromtimestamp(host.wall_ns() / 1e9, dt.UTC).isoformat(timespec="milliseconds"),
        window_ns=end_ns - begin_ns,
        missing=(*report.missing, *_not_asked(guest, wish)),
        took_ns=host.mono_ns() - begin_ns,
        cpu_ns=host.cpu_ns() - begin_cpu_ns,
    )


async def _seen(look: Look, wish: ClockWish) -> None:
    """Run what is wished side by side; the guest's memory is read with an eye to its clock alone."""
    libvirts = look.guest.manager is Manager.LIBVIRT
    asked = (*((_AGENT,) if wish.agent else ()), *((_RTC,) if wish.monitor else ()))
    pages = (pvclock.COLLECTOR,) if wish.memory and look.guest.accelerator is Accelerator.KVM else ()
    memory = (inside.COLLECTOR,) if wish.memory else ()
    light = msgspec.structs.replace(look, light=True)
    ceiling = Cost.SAMPLES if wish.monitor else Cost.READS
    read = _READ if libvirts else tuple(one for one in _READ if one is not clock_setup.COLLECTOR)
    await asyncio.gather(
        run_collectors(look, read, Cost.READS),
        run_collectors(look, asked, Cost.SAMPLES),
        run_collectors(look, pages, ceiling),
        run_collectors(light, memory, ceiling),
    )


def read_clock(evidence: Sequence[Evidence]) -> Facts:
    """The facts of a guest's clock out of what was seen."""
    facts = Facts(fact for one in evidence if one.usable for fact in _decoded(one))
    for derive in _DERIVERS:
        fact = derive(facts)
        facts = facts if fact is None else facts.plus(fact)
    return facts


def _decoded(evidence: Evidence) -> Iterator[object]:
    for kind, decode in _DECODERS:
        if kind is evidence.kind:
            try:
                yield from decode(evidence)
            except BadInput:
                continue  # what cannot be read is not seen; the evidence is listed


def _report(guest: Guest, seen: Sequence[Evidence]) -> ClockReport:
    facts = read_clock(seen)
    state = _state(guest, facts)
    within = facts.get(GuestInside)
    xmls = facts.all(ClockXml)
    return ClockReport(
        tool=f"crazytrain {__version__}",
        guest=guest_view(guest),
        at="",
        window_ns=0,
        state=state,
        fit=judged(facts, state, guest.name or str(guest.pid)),
        xml=xmls,
        pending=pending(xmls),
        argv=facts.get(ClockArgv),
        traits=facts.get(MachineTraits),
        agent=facts.get(AgentClock),
        memory=within.clock if within else None,
        kvmclock=facts.get(GuestClock),
        rtc=facts.get(RtcReading),
        status=status.status if (status := facts.get(QemuState)) else "",
        host=facts.get(HostFacts),
        missing=tuple(_missing(seen, within)),
        evidence=tuple(evidence_view(one) for one in seen),
    )


def _state(guest: Guest, facts: Facts) -> ClockState:
    """The state; which accelerator runs the guest is known best from what its process has open."""
    state = derive_clock_state(facts) or ClockState()
    known = guest.accelerator in (Accelerator.KVM, Accelerator.TCG)
    return msgspec.structs.replace(state, accelerator=guest.accelerator.value) if known else state


def _missing(seen: Sequence[Evidence], within: GuestInside | None) -> Iterator[Missing]:
    for one in seen:
        way = _WAYS.get(one.id) or _WAYS.get(one.id.removesuffix(".ended"))
        if way and one.outcome not in (Outcome.OK, Outcome.TRUNCATED):
            yield Missing(way, one.detail or one.outcome.value)
        elif one.id.endswith(".ended"):
            yield Missing(one.source, one.detail or one.outcome.value)
    if within and within.clock is None:
        yield from (one for one in within.last.missing if one.what == "clock")
    read = next((one for one in seen if one.id == "inside.0" and one.usable), None)
    if read and within is None:
        yield Missing("its memory", "no kernel that can be read was found in it")


def _not_asked(guest: Guest, wish: ClockWish) -> Iterator[Missing]:
    for allowed, what in ((wish.agent, "its agent"), (wish.memory, "its memory"), (wish.monitor, "its RTC")):
        if not allowed:
            yield Missing(what, "was not to be asked")
    if guest.manager is not Manager.LIBVIRT:
        yield Missing("its XML", f"libvirt does not manage it (manager: {guest.manager.value})")
