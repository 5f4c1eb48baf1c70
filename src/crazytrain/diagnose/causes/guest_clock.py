"""Family guest-clock: the guest's idea of time is broken."""

from crazytrain.diagnose.signs import awake, burn_point, port_rate, port_share
from crazytrain.model.facts import (
    ConsoleLog,
    CpuMode,
    GuestClock,
    KvmExits,
    LineMeaning,
    PvclockPage,
    ThreadActivity,
    VcpuView,
)
from crazytrain.model.figures import rate, share, span
from crazytrain.model.finding import Claim, Point

PM_TIMER_PORTS = (0x608, 0xB008, 0x408)
WRAP_FROM = 1 << 63
FAR_OFF_NS = 600 * 10**9


def kvmclock_jump(clock: GuestClock, threads: ThreadActivity | None, view: VcpuView | None) -> Claim:
    """Was the guest's kvmclock stepped, so that the guest waits for a time that does not come?"""
    if not clock.pages:
        says = f"no kvmclock page was found in {clock.searched_bytes >> 20} MiB of the guest's memory"
        return Claim(says="the guest's kvmclock was stepped", prior=0.02, points=(Point(says, clock.refs, 0.3),))
    worst = max(clock.pages, key=lambda p: _off_ns(p, clock))
    points = [_page_point(worst, clock)]
    if threads and _off_ns(worst, clock) > FAR_OFF_NS:
        points.append(_waits_point(threads, view))
    return Claim(
        says="the guest's kvmclock was stepped: what the guest reads as time is far from the time since it was started",
        prior=0.03,
        points=tuple(points),
    )


def _off_ns(page: PvclockPage, clock: GuestClock) -> int:
    """How far the page's time is ahead of what the process can have lived through, or below zero."""
    return -page.signed_ns if page.signed_ns < 0 else max(0, page.signed_ns - clock.uptime_ns)


def _page_point(page: PvclockPage, clock: GuestClock) -> Point:
    where = f"kvmclock page at guest address {page.address:#x}"
    if page.system_time_ns >= WRAP_FROM:
        says = (
            f"{where}: system_time is {page.system_time_ns}, which is {span(page.signed_ns)} wrapped around 64 bits "
            f"({span(page.system_time_ns)} as the guest reads it)"
        )
        return Point(says, clock.refs, 2000)
    if _off_ns(page, clock) > FAR_OFF_NS:
        says = (
            f"{where}: system_time is {span(page.system_time_ns)}, but QEMU runs only for {span(clock.uptime_ns)} "
            "(a migrated or restored guest shows this, too)"
        )
        return Point(says, clock.refs, 6)
    return Point(
        f"{where}: system_time is {span(page.system_time_ns)}, QEMU runs for {span(clock.uptime_ns)}", clock.refs, 0.05
    )


def _waits_point(threads: ThreadActivity, view: VcpuView | None) -> Point:
    narrow = [v for v in awake(view) if v.places <= 8]
    if narrow:
        says = f"vCPU {narrow[0].vcpu} never halts and stays at {narrow[0].places} places: it waits in a loop"
        return Point(says, view.refs if view else (), 4)
    return burn_point(threads)


def tsc_unstable(console: ConsoleLog) -> Claim:
    """Did the guest's kernel give up the TSC as its clock?"""
    meant = (LineMeaning.TSC, LineMeaning.CLOCKSOURCE)
    lines = [x for x in console.matter if x.meaning in meant and "unstable" in x.text.lower()]
    point = (
        Point(f"the guest's console says: {lines[-1].text}", (lines[-1].ref,), 200)
        if lines
        else Point("the console does not speak of an unstable clock", console.refs, 0.1)
    )
    return Claim(
        says="the guest's kernel found its TSC unstable and fell back to a slower clock", prior=0.03, points=(point,)
    )


def slow_clocksource(exits: KvmExits, view: VcpuView | None) -> Claim:
    """Does the guest read a slow emulated clock (ACPI PM timer) all the time?"""
    per_s = port_rate(exits, *PM_TIMER_PORTS)
    part = port_share(exits, *PM_TIMER_PORTS)
    says = f"the ACPI PM timer was read {rate(per_s)}, {share(part)} of all port accesses"
    points = [Point(says, exits.refs, 60 if per_s >= 2000 and part >= 0.5 else 0.01)]
    if view and per_s >= 2000:
        points.append(_mode_point(view))
    return Claim(
        says="the guest's clocksource is the ACPI PM timer: each reading of the time leaves guest mode",
        prior=0.03,
        points=tuple(points),
    )


def _mode_point(view: VcpuView) -> Point:
    runs_os = any(v.mode in (CpuMode.LONG, CpuMode.PROTECTED) and v.places > 8 for v in view.vcpus)
    if runs_os:
        return Point("the vCPUs run an operating system (protected or long mode, many places)", view.refs, 3)
    return Point(
        "the vCPU stays at a few addresses or in real mode: no operating system keeps time there", view.refs, 0.02
    )
