"""Cause exit-storm/pio-poll."""

from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.disk_poll_signs import behind_the_controller
from crazytrain.diagnose.emulated_access import port_points
from crazytrain.diagnose.inside_signs import serial_wait_points
from crazytrain.diagnose.signs import (
    PIT_PORTS,
    PM_TIMER_PORTS,
    RTC_PORTS,
    awake,
    held_words,
    runs_os,
    storms,
    top_port,
    unseen,
)
from crazytrain.model.facts import KvmExits, PortUse, ThreadActivity, VcpuView
from crazytrain.model.facts.block import BlockUse, DiskStates
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.stacks import CpuProfile
from crazytrain.model.facts.waits import Waits
from crazytrain.model.figures import count, rate, share
from crazytrain.model.finding import Claim, Family, Point
from crazytrain.model.ports import port_owner

FEW_PLACES = 8
PIC_PORTS = (0x20, 0xA0)


def pio_poll(
    exits: KvmExits | None,
    view: VcpuView | None,
    waits: Waits | None,
    block: BlockUse | None,
    disks: DiskStates | None,
    inside: GuestInside | None,
    threads: ThreadActivity | None,
    profile: CpuProfile | None,
) -> Claim:
    """Does the guest poll one I/O port?"""
    says = "the guest reads or writes one I/O port without end; each access leaves guest mode"
    port = top_port(exits) if exits else None
    if exits is None or port is None:
        spends = port_points(profile, threads, view)
        return _from_the_code(view, exits, says, serial_wait_points(inside), (*spends, *_reads_its_clock(inside)))
    points = [_rate_point(exits, port), *_other_owner_points(port, view, exits)]
    points += behind_the_controller(port.owner, waits, block, disks)
    return Claim(says=f"{says} ({_described(port)})", prior=0.03, points=tuple(points))


def _reads_its_clock(inside: GuestInside | None) -> tuple[Point, ...]:
    """That a system keeps time by a port: what it reads so often is the clock."""
    clock = inside.clock if inside else None
    if inside is None or clock is None or clock.clocksource != "acpi_pm":
        return ()
    return (Point("the guest keeps time by acpi_pm: the port that it reads is its clock's", inside.refs, 0.03),)


def _from_the_code(
    view: VcpuView | None,
    exits: KvmExits | None,
    says: str,
    waits: tuple[Point, ...],
    spends: tuple[Point, ...],
) -> Claim:
    """Where no port is traced (software emulation, no bpftrace): whether the code under the vCPU's feet is an IN."""
    polls = [v for v in awake(view) if v.polls_port is not None and v.places <= FEW_PLACES]
    if waits:
        return Claim(says=f"{says} (a serial port: nobody takes what it prints)", prior=0.03, points=waits, at_most=0.9)
    if not polls or view is None:
        if spends and spends[0].ratio > 1:
            return Claim(says=says, prior=0.03, points=spends)
        none = unseen(exits, "kvm_pio", "port access") if exits and exits.window_ns else ()
        return Claim(says=says, prior=0.02, points=none)
    port = polls[0].polls_port or 0
    owner = port_owner(port)[0]
    named = f"port {port:#x}" + (f", {owner}" if owner else "")
    fact = f"vCPU {polls[0].vcpu} never halts, stays at {count(polls[0].places, 'place')}, and its code there reads {named}"
    return Claim(says=f"{says} ({named})", prior=0.03, points=(Point(fact, view.refs, 200),))


def _described(port: PortUse) -> str:
    return f"port {port.port:#x}" + (f", {port.owner}" if port.owner else "")


def _rate_point(exits: KvmExits, port: PortUse) -> Point:
    total = sum(p.count for p in exits.ports)
    part = port.count / total
    way = "writes to" if port.write else "reads of"
    says = f"{rate(exits.per_s(port.count))} {way} {_described(port)}: {share(part)} of all port accesses{held_words(exits)}"
    storm = storms(exits, port.count) and _of_its_device(exits, port) / total >= 0.5
    return Point(says, exits.refs, 200 if storm else 0.02)


def _of_its_device(exits: KvmExits, port: PortUse) -> int:
    """Accesses to all ports of the same device: who prints without end asks one port whether he may, and writes to the next."""
    return sum(p.count for p in exits.ports if p.port // 8 == port.port // 8)


def _other_owner_points(port: PortUse, view: VcpuView | None, exits: KvmExits) -> tuple[Point, ...]:
    if port.port in PIC_PORTS:
        return (Point("it is how interrupts are ended: what interrupts so often says more", exits.refs, 0.02),)
    if port.port in (*RTC_PORTS, *PIT_PORTS):
        return (Point("the port belongs to a timer: a timer storm says more", exits.refs, 0.1),)
    if port.port in PM_TIMER_PORTS and (view is None or runs_os(view)):
        whose = view.refs if view else exits.refs
        return (Point("the port is the ACPI PM timer's: a system reads its clock there", whose, 0.05 if view else 0.1),)
    if view and any(v.places <= 8 for v in view.vcpus):
        return (Point("the vCPU stays at a few instructions: a polling loop", view.refs, 2),)
    return ()


CAUSE = Cause(slug="pio-poll", family=Family.EXIT_STORM, rank=Rank.SPECIFIC, judge=pio_poll, absorbs=BUSY)
