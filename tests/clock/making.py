"""Guests' clocks made for tests: definitions, command lines, what an agent says, and the facts that come of them."""

import json
from collections.abc import Iterable, Sequence

import msgspec

from crazytrain.decode.clock_argv import clock_argv_of
from crazytrain.decode.clock_xml import clock_xml_of
from crazytrain.derive.clock_fit import judged
from crazytrain.derive.clock_state import derive_clock_state
from crazytrain.model.bundle import Part, pack
from crazytrain.model.evidence import Evidence, Kind, Outcome, Ref
from crazytrain.model.facts import Facts
from crazytrain.model.facts.clock import PvclockPage
from crazytrain.model.facts.clock_setup import AgentClock, AgentMoment, ClockArgv, ClockFit, ClockXml, Place
from crazytrain.model.facts.host import HostFacts

SYSFS = "/sys/devices/system/clocksource/clocksource0/"
DOMAIN = """<domain type='{kind}' id='3'>
  <name>web01</name>
  <metadata>
    <libosinfo:libosinfo xmlns:libosinfo="http://libosinfo.org/xmlns/libvirt/domain/1.0">
      <libosinfo:os id="{system}"/>
    </libosinfo:libosinfo>
  </metadata>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type>{boot}</os>
  <features><acpi/>{features}</features>
  <cpu mode='host-passthrough' check='none'>{cpu}</cpu>
{clock}
</domain>
"""
CLOCK = """  <clock offset='utc'>
    <timer name='rtc' tickpolicy='catchup'/>
    <timer name='pit' tickpolicy='delay'/>
    <timer name='hpet' present='no'/>
  </clock>"""
DEBIAN, WINDOWS = "http://debian.org/debian/12", "http://microsoft.com/win/10"
_REF = (Ref("clock-setup"),)


def xml_text(clock: str = CLOCK, *, kind: str = "kvm", system: str = DEBIAN, **more: str) -> str:
    parts = {"boot": "", "features": "", "cpu": "", **more}
    return DOMAIN.format(kind=kind, system=system, clock=clock, **parts)


def xml(clock: str = CLOCK, place: Place = Place.LIVE, *, system: str = DEBIAN, **more: str) -> ClockXml:
    found = clock_xml_of(xml_text(clock, system=system, **more), place, _REF)
    assert found
    return found


def argv(*words: str, kvm: bool = True, machine: str = "pc-q35-7.2") -> ClockArgv:
    begin = ("qemu-system-x86_64", "-name", "guest=web01", "-machine", machine, "-accel", "kvm" if kvm else "tcg")
    return clock_argv_of((*begin, *words), (Ref("identity.1", 2),))


def agent(current: str = "kvm-clock", *available: str, system: str = "debian", **more: object) -> AgentClock:
    made = AgentClock(
        version="7.2",
        system=system,
        clocksource=current,
        available=available or ("kvm-clock", "tsc", "hpet", "acpi_pm"),
        refs=(Ref("clock-agent"),),
    )
    return msgspec.structs.replace(made, **more)


def moment(at_s: float, ahead_s: float = 0.0, took_s: float = 0.002) -> AgentMoment:
    """The guest's clock read at a time of the host's, by a question that took so long."""
    begin_ns, took_ns = int(at_s * 1e9), int(took_s * 1e9)
    wall_ns = 1_800_000_000 * 10**9 + begin_ns
    return AgentMoment(
        before_ns=begin_ns,
        after_ns=begin_ns + took_ns,
        wall_before_ns=wall_ns,
        guest_ns=wall_ns + took_ns // 2 + int(ahead_s * 1e9),
    )


def host(current: str = "tsc", *available: str, hypervisor: bool = False) -> HostFacts:
    return HostFacts(
        clocksource=current,
        clocksources=available or (current,),
        hypervisor=hypervisor,
        tsc_flags=("constant_tsc", "nonstop_tsc"),
        refs=(Ref("host.0"),),
    )


def page(flags: int = 1, system_time_ns: int = 10**12, mul: int = 0x80000000, shift: int = 0) -> PvclockPage:
    """A page of a TSC of 2 GHz unless another scale is given."""
    return PvclockPage(
        address=0x1000,
        version=2,
        tsc_timestamp=2 * 10**12,
        system_time_ns=system_time_ns,
        tsc_to_system_mul=mul,
        tsc_shift=shift,
        flags=flags,
    )


def fit(*facts: object, name: str = "web01") -> ClockFit:
    """What the rules say of these facts."""
    known = Facts(facts)
    state = derive_clock_state(known)
    assert state
    return judged(known, state, name)


def slugs(found: ClockFit) -> list[str]:
    return [one.slug for one in found.misfits]


def said(found: ClockFit) -> list[str]:
    return [one.slug for one in found.remarks]


def steps(found: ClockFit, slug: str) -> list[str]:
    return [step.command for one in found.misfits if one.slug == slug for step in one.steps]


def agent_evidence(moments: Iterable[AgentMoment] = (), *parts: Part) -> Evidence:
    lines = b"".join(msgspec.json.encode(one) + b"\n" for one in moments)
    made = [
        Part("version", b"7.2.0"),
        Part("osinfo", json.dumps({"id": "debian", "pretty-name": "Debian GNU/Linux 12"}).encode()),
        Part(SYSFS + "current_clocksource", b"kvm-clock\n"),
        Part(SYSFS + "available_clocksource", b"kvm-clock tsc acpi_pm \n"),
        Part("/proc/cmdline", b"BOOT_IMAGE=/vmlinuz root=/dev/vda1 ro quiet tsc=reliable\n"),
        Part("/proc/cpuinfo", b"processor\t: 0\nflags\t\t: fpu tsc msr constant_tsc nonstop_tsc hypervisor\n"),
        Part("moments", lines),
    ]
    changed = {part.name: part for part in parts}
    return evidence(Kind.CLOCK_AGENT, [changed.get(part.name, part) for part in made] + _new(made, parts))


def _new(made: Sequence[Part], parts: Sequence[Part]) -> list[Part]:
    there = {part.name for part in made}
    return [part for part in parts if part.name not in there]


def evidence(kind: Kind, parts: Iterable[Part], name: str = "") -> Evidence:
    return Evidence(
        id=name or kind.value, kind=kind, source="made", data=pack(parts), mono_ns=10**9, wall_ns=1_800_000_000 * 10**9
    )


def refused(name: str, outcome: Outcome = Outcome.DENIED) -> Part:
    return Part(name, outcome=outcome)
