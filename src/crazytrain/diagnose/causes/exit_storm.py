"""Family exit-storm: a vCPU leaves guest mode all the time."""

from crazytrain.diagnose.causes.guest_clock import PM_TIMER_PORTS
from crazytrain.diagnose.causes.timer_storm import PIT_PORTS, RTC_PORTS
from crazytrain.diagnose.signs import EXITS_MATTER_FROM_PER_S, leaving_rate, top_port
from crazytrain.model.facts import CpuMode, InterruptRates, KvmExits, PortUse, VcpuView
from crazytrain.model.figures import rate, share
from crazytrain.model.finding import Claim, Point

STORM_FROM_PER_S = 3000.0


def pio_poll(exits: KvmExits | None, view: VcpuView | None) -> Claim:
    """Does the guest poll one I/O port?"""
    says = "the guest reads or writes one I/O port without end; each access leaves guest mode"
    port = top_port(exits) if exits else None
    if exits is None or port is None:
        none = (Point("no port access was seen", exits.refs, 0.02),) if exits and exits.window_ns else ()
        return Claim(says=says, prior=0.02, points=none)
    total = sum(p.count for p in exits.ports)
    part = port.count / total
    points = [_rate_point(exits, port, part), *_other_owner_points(port, view, exits)]
    return Claim(says=f"{says} ({_described(port)})", prior=0.03, points=tuple(points))


def _described(port: PortUse) -> str:
    return f"port {port.port:#x}" + (f", {port.owner}" if port.owner else "")


def _rate_point(exits: KvmExits, port: PortUse, part: float) -> Point:
    way = "writes to" if port.write else "reads of"
    says = f"{rate(exits.per_s(port.count))} {way} {_described(port)}: {share(part)} of all port accesses"
    storm = exits.per_s(port.count) >= STORM_FROM_PER_S and part >= 0.5
    return Point(says, exits.refs, 200 if storm else 0.02)


def _other_owner_points(port: PortUse, view: VcpuView | None, exits: KvmExits) -> tuple[Point, ...]:
    if port.port in (*RTC_PORTS, *PIT_PORTS):
        return (Point("the port belongs to a timer: a timer storm says more", exits.refs, 0.1),)
    if port.port in PM_TIMER_PORTS and view and _runs_os(view):
        return (Point("the port is the ACPI PM timer of a running system: it reads its clock", view.refs, 0.05),)
    if view and any(v.places <= 8 for v in view.vcpus):
        return (Point("the vCPU stays at a few instructions: a polling loop", view.refs, 2),)
    return ()


def _runs_os(view: VcpuView) -> bool:
    return any(v.mode in (CpuMode.LONG, CpuMode.PROTECTED) and v.places > 8 for v in view.vcpus)


def mmio_poll(exits: KvmExits) -> Claim:
    """Does the guest poll one page of a device's memory?"""
    page = max(exits.mmio, key=lambda m: m.count, default=None)
    says = "the guest accesses one page of device memory without end; each access leaves guest mode"
    if page is None:
        return Claim(says=says, prior=0.02, points=(Point("no MMIO access was seen", exits.refs, 0.02),))
    part = page.count / sum(m.count for m in exits.mmio)
    owner = f" ({page.owner})" if page.owner else ""
    fact = f"{rate(exits.per_s(page.count))} accesses to page {page.page:#x}{owner}: {share(part)} of all MMIO"
    storm = exits.per_s(page.count) >= STORM_FROM_PER_S and part >= 0.5
    return Claim(says=says, prior=0.02, points=(Point(fact, exits.refs, 200 if storm else 0.02),))


def msr_storm(exits: KvmExits) -> Claim:
    """Do accesses to model-specific registers dominate the exits?"""
    msr = max(exits.msrs, key=lambda m: m.count, default=None)
    says = "the guest accesses model-specific registers all the time; each access leaves guest mode"
    if msr is None:
        return Claim(says=says, prior=0.02, points=(Point("no MSR access was seen", exits.refs, 0.02),))
    part = sum(m.count for m in exits.msrs) / max(1.0, leaving_rate(exits) * exits.window_ns / 1e9)
    name = msr.name or f"MSR {msr.index:#x}"
    fact = f"{rate(exits.per_s(msr.count))} accesses to {name}; MSRs are {share(min(part, 1.0))} of what was seen"
    storm = exits.per_s(msr.count) >= STORM_FROM_PER_S and part >= 0.4
    return Claim(says=says, prior=0.02, points=(Point(fact, exits.refs, 100 if storm else 0.02),))


def interrupt_storm(irqs: InterruptRates) -> Claim:
    """Does one interrupt line fire without end?"""
    others = [r for r in irqs.rates if r.irq not in (0, 8)]
    worst = max(others, key=lambda r: r.per_s, default=None)
    says = "one interrupt line fires far too often"
    if worst is None:
        return Claim(says=says, prior=0.02, points=(Point("no interrupt line but the timers' fired", irqs.refs, 0.05),))
    owner = f" ({worst.owner})" if worst.owner else ""
    fact = f"IRQ {worst.irq}{owner} fired {rate(worst.per_s)}"
    ratio = 100 if worst.per_s >= 20_000 else 3 if worst.per_s >= EXITS_MATTER_FROM_PER_S else 0.05
    return Claim(says=says, prior=0.02, points=(Point(fact, irqs.refs, ratio),))
