"""Cause firmware/firmware-hang."""

from crazytrain.diagnose.bare_signs import bare_points, late_clock_point, shutdowns
from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.signs import EXITS_MATTER_FROM_PER_S, burn_point, leaving_rate
from crazytrain.model.facts import GuestClock, KvmExits, ProcessFacts, ThreadActivity, VcpuView
from crazytrain.model.facts.firmware import BarePlace, BareView
from crazytrain.model.facts.resets import Resets
from crazytrain.model.figures import count, rate, share, span
from crazytrain.model.finding import Claim, Family, Look, Point

FEW_PLACES = 4
LEAST_LOOKS = 3
BOOTED_AFTER_S = 60.0  # a firmware that unpacks itself stays in one loop for a while, too, where the guest is slow


def firmware_hang(
    bare: BareView,
    view: VcpuView,
    threads: ThreadActivity,
    exits: KvmExits | None,
    process: ProcessFacts | None,
    resets: Resets | None,
    clock: GuestClock | None,
) -> Claim:
    """Does the firmware or a boot loader hang in a loop, before any operating system?"""
    points = [*bare_points(bare), burn_point(threads), _loop_point(bare, view)]
    if resets and resets.by_guest + resets.untold:
        points.append(Point("it reset itself meanwhile, so it does not hang in one place", resets.refs, 0.05))
    if exits and exits.window_ns:
        points.extend(_exit_points(exits))
    points.extend(_young_points(bare, process))
    if not any(vcpu.jumps_to_itself for vcpu in bare.vcpus):
        points.extend(Point(late.says, late.refs, 0.25) for late in late_clock_point(clock, bare))
    return Claim(
        says="the firmware or a boot loader hangs: it runs in one small loop, and no operating system has started",
        prior=0.02,
        points=tuple(points),
        missing=(Look("what stands on its screen", "virsh screenshot {name}"),),
        at_most=0.97,
    )


def _loop_point(bare: BareView, view: VcpuView) -> Point:
    """A jump to itself has no way out. Another small loop may wait for memory to change, as a clock page does."""
    stuck = next((v for v in bare.vcpus if v.jumps_to_itself), None)
    if stuck:
        return Point(
            f"vCPU {stuck.vcpu} stands at an instruction that jumps to itself{_interrupts(stuck)}", bare.refs, 200
        )
    places = min((v.places for v in view.vcpus if v.halted_ratio < 0.5), default=0)
    if not places:
        return Point("no vCPU runs: all are halted", view.refs, 0.02)
    if max(v.samples for v in view.vcpus) < LEAST_LOOKS:
        return Point("it was looked at once or twice: whether it stays in one place is not known", view.refs, 1)
    says = f"a vCPU was seen at {count(places, 'place')}"
    off = min((v.interrupts_off_ratio for v in bare.vcpus), default=0.0)
    if places > FEW_PLACES:
        return Point(says, view.refs, 0.05)
    return Point(f"{says}, with interrupts off in {share(off)} of the samples", view.refs, 4 if off >= 0.99 else 1.5)


def _young_points(bare: BareView, process: ProcessFacts | None) -> tuple[Point, ...]:
    uptime_s = process.uptime_s if process else None
    if process is None or uptime_s is None or uptime_s >= BOOTED_AFTER_S or any(v.jumps_to_itself for v in bare.vcpus):
        return ()
    return (Point(f"QEMU runs for {span(uptime_s * 1e9)} only: it may still be starting", process.refs, 0.15),)


def _interrupts(place: BarePlace) -> str:
    if place.interrupts_off_ratio >= 0.99:
        return ", with interrupts off: nothing but a reset or an NMI gets it out"
    return "; interrupts come, and return to it" if place.interrupts_off_ratio <= 0.5 else ""


def _exit_points(exits: KvmExits) -> tuple[Point, ...]:
    per_s = leaving_rate(exits) + exits.per_s(sum(m.count for m in exits.msrs))
    if shutdowns(exits):
        return (Point("it was reset meanwhile, so it does not hang in one place", exits.refs, 0.05),)
    if per_s >= EXITS_MATTER_FROM_PER_S:
        return (Point(f"it left guest mode {rate(per_s)}: it asks something of a device", exits.refs, 0.05),)
    return (Point(f"it left guest mode only {rate(per_s)}: it asks nothing of any device", exits.refs, 1.5),)


CAUSE = Cause(slug="firmware-hang", family=Family.FIRMWARE, rank=Rank.SPECIFIC, judge=firmware_hang, absorbs=BUSY)
