"""Cause exit-storm/mmio-poll."""

from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.disk_poll_signs import behind_the_controller
from crazytrain.diagnose.emulated_access import memory_points
from crazytrain.diagnose.signs import EXIT_STORM_FROM_PER_S, awake, held_words, runs_os, storms, unseen
from crazytrain.model.facts import KvmExits, KvmStats, MmioUse, ThreadActivity, VcpuView
from crazytrain.model.facts.block import BlockUse, DiskStates
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.stacks import CpuProfile
from crazytrain.model.facts.waits import Waits
from crazytrain.model.figures import rate, share
from crazytrain.model.finding import Claim, Family, Point

FEW_PLACES = 8
LOCAL_APIC_PAGE = 0xFEE00000
HPET_PAGE = 0xFED00000


def mmio_poll(
    exits: KvmExits | None,
    view: VcpuView | None,
    stats: KvmStats | None,
    waits: Waits | None,
    block: BlockUse | None,
    disks: DiskStates | None,
    threads: ThreadActivity | None,
    profile: CpuProfile | None,
    inside: GuestInside | None,
) -> Claim:
    """Does the guest poll one page of a device's memory?"""
    says = "the guest accesses one page of device memory without end; each access leaves guest mode"
    page = max(exits.mmio, key=lambda m: m.count, default=None) if exits else None
    if exits is None or page is None:
        spends = (
            memory_points(profile, threads, view) if inside is None else ()
        )  # a system reads its HPET so, and ends interrupts
        return Claim(says=says, prior=0.02, points=(*_counted(exits, stats), *spends))
    points = (_rate_point(exits, page), *_other_owner_points(exits, page, view), *_loop_points(view))
    points += behind_the_controller(page.owner, waits, block, disks)
    return Claim(says=f"{says} ({_described(page)})", prior=0.02, points=points)


def _counted(exits: KvmExits | None, stats: KvmStats | None) -> tuple[Point, ...]:
    """Where no page is traced: KVM's own counter says how often, but not where."""
    per_s = stats.per_s("mmio_exits") if stats else None
    if stats and per_s is not None and per_s >= EXIT_STORM_FROM_PER_S:
        return (Point(f"KVM counted {rate(per_s)} MMIO exits; at which page is not known", stats.refs, 60),)
    return unseen(exits, "kvm_mmio", "MMIO access") if exits and exits.window_ns else ()


def _described(page: MmioUse) -> str:
    return f"page {page.page:#x}" + (f", {page.owner}" if page.owner else "")


def _rate_point(exits: KvmExits, page: MmioUse) -> Point:
    # Who asks a device reads one register and writes another.
    both = sum(m.count for m in exits.mmio if m.page == page.page)
    part = both / sum(m.count for m in exits.mmio)
    way = "writes to" if page.write else "reads of"
    says = f"{rate(exits.per_s(page.count))} {way} {_described(page)}: {share(part)} of all MMIO{held_words(exits)}"
    storm = storms(exits, both) and part >= 0.5
    return Point(says, exits.refs, 200 if storm else 0.02)


def _other_owner_points(exits: KvmExits, page: MmioUse, view: VcpuView | None) -> tuple[Point, ...]:
    if page.page == LOCAL_APIC_PAGE:
        return (
            Point("the page is the local APIC's: interrupts and timers, no device that is polled", exits.refs, 0.02),
        )
    if page.page == HPET_PAGE and (view is None or runs_os(view)):
        refs = view.refs if view else exits.refs
        return (
            Point(
                "the page is the HPET's: a system reads its clock there, or sets its timer",
                refs,
                0.05 if view else 0.02,
            ),
        )
    return ()


def _loop_points(view: VcpuView | None) -> tuple[Point, ...]:
    if view and any(v.places <= FEW_PLACES for v in awake(view)):
        return (Point("the vCPU stays at a few instructions: a polling loop", view.refs, 2),)
    return ()


CAUSE = Cause(slug="mmio-poll", family=Family.EXIT_STORM, rank=Rank.SPECIFIC, judge=mmio_poll, absorbs=BUSY)
