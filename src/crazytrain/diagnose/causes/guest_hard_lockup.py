"""Cause guest-stuck/guest-hard-lockup."""

from crazytrain.diagnose.bare_signs import BARE_FROM
from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.inside_signs import DELAYS, has_panicked, serial_wait_points, ticks
from crazytrain.diagnose.signs import burn_point, is_fresh
from crazytrain.diagnose.stuck_signs import NARROW_PLACES, kernel_points
from crazytrain.model.facts import ConsoleLog, CpuMode, LineMeaning, ThreadActivity, VcpuActivity, VcpuView
from crazytrain.model.facts.firmware import BareView
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.inside_view import FunctionShare, Pace
from crazytrain.model.figures import count, share
from crazytrain.model.finding import Claim, Family, Point

_LEAST_LOOKS = 3  # one moment with interrupts off is every kernel's
_STARTING_NS = 10**9  # a kernel that counts no time yet sets itself up, with interrupts off
_OFF_FROM = 0.95  # of the samples with interrupts off: no tick gets through


def guest_hard_lockup(
    threads: ThreadActivity,
    view: VcpuView,
    console: ConsoleLog | None,
    inside: GuestInside | None,
    bare: BareView | None,
) -> Claim:
    """Does a CPU of the guest run in its kernel with interrupts off and never turn them on again?"""
    says = "a CPU of the guest is locked up hard: its kernel runs there with interrupts off, and never turns them on"
    locked = [v for v in view.vcpus if _is_locked(v)]
    if not locked:
        least = Point("no vCPU stays in kernel mode with interrupts off", view.refs, 0.02)
        return Claim(says=says, prior=0.01, points=(least,))
    points = [_locked_point(locked[0], view), burn_point(threads), *kernel_points(view)]
    points += _said(console)
    points += _from_inside(inside, locked[0], view)
    points += _starts(inside, locked[0], bare)
    # From outside alone firmware, a boot loader or a small system of its own looks the same.
    known = inside is not None or (console is not None and console.lines > 0 and any(map(_is_linux, console.matter)))
    most = _unnamed_at_most(inside, locked[0], bare, told=bool(_said(console)))
    return Claim(says=says, prior=0.01, points=tuple(points), at_most=most if known else 0.6)


def _unnamed_at_most(inside: GuestInside | None, vcpu: VcpuActivity, bare: BareView | None, *, told: bool) -> float:
    """How sure one may be: a kernel that prints to a slow port, or waits for a device, runs with interrupts off for seconds, too.

    That it can never get out is known by the kernel's own word, by an instruction that jumps to itself, or by a function that is no delay.
    """
    jumps = bare is not None and any(one.vcpu == vcpu.vcpu and one.jumps_to_itself for one in bare.vcpus)
    seen = [one for one in _functions(inside, vcpu) if one.share.samples >= _LEAST_LOOKS]
    named = bool(seen) and not seen[0].name.startswith(DELAYS)
    return 0.99 if told or jumps or named else 0.75


def _functions(inside: GuestInside | None, vcpu: VcpuActivity) -> tuple[FunctionShare, ...]:
    return next((cpu.functions for cpu in inside.view.cpus if cpu.cpu == vcpu.vcpu), ()) if inside else ()


def _is_locked(vcpu: VcpuActivity) -> bool:
    in_kernel = vcpu.kernel_ratio >= 0.95 and vcpu.halted_ratio <= 0.02 and vcpu.mode is CpuMode.LONG
    return in_kernel and vcpu.interrupts_off_ratio >= _OFF_FROM and vcpu.places <= NARROW_PLACES


def _locked_point(vcpu: VcpuActivity, view: VcpuView) -> Point:
    says = (
        f"vCPU {vcpu.vcpu} had interrupts off in {share(vcpu.interrupts_off_ratio)} of {count(vcpu.samples, 'sample')}, "
        f"at {count(vcpu.places, 'place')} of its kernel"
    )
    return Point(says, view.refs, 12 if vcpu.samples >= 10 else 4 if vcpu.samples >= _LEAST_LOOKS else 1.5)


def _is_linux(line: object) -> bool:
    return getattr(line, "meaning", None) is not LineMeaning.NO_BOOT


def _said(console: ConsoleLog | None) -> list[Point]:
    meant = (LineMeaning.HARD_LOCKUP, LineMeaning.RCU_STALL, LineMeaning.SOFT_LOCKUP)
    lines = [x for x in console.matter if x.meaning in meant] if console else []
    if console is None or not lines or not is_fresh(console, lines[-1]):
        return []
    return [Point(lines[-1].says, (lines[-1].ref,), 20)]


def _from_inside(inside: GuestInside | None, vcpu: VcpuActivity, view: VcpuView) -> list[Point]:
    if inside is None:
        return []
    points = [
        Point(f"{one.says}: it prints with interrupts off, and goes on", one.refs, 0.02)
        for one in serial_wait_points(inside)
    ]
    if has_panicked(inside):
        points.append(
            Point("the guest's kernel has panicked: what spins there is the panic's own loop", inside.refs, 0.03)
        )
    for function in (f for f in _functions(inside, vcpu)[:1] if f.name):
        says = f"its CPU {vcpu.vcpu} was in {function.name} in {share(function.share.ratio)} of the samples"
        if function.name.startswith(DELAYS):
            points.append(Point(f"{says}: it waits for a device, and each wait ends", inside.refs, 0.2))
        else:
            points.append(Point(says, inside.refs, 2 if function.share.ratio >= 0.9 else 1))
    time = ticks(inside)
    if time is not None and time.pace is Pace.STANDS and len(view.vcpus) == 1:
        points.append(
            Point("the guest's count of ticks stands still: its only CPU takes no interrupts", inside.refs, 12)
        )
    elif time is not None and len(view.vcpus) == 1:
        points.append(
            Point(f"the guest's count of ticks {time.pace.value}: its only CPU takes interrupts", inside.refs, 0.05)
        )
    return points


def _starts(inside: GuestInside | None, vcpu: VcpuActivity, bare: BareView | None) -> list[Point]:
    """Whether it is a kernel that only comes up, or its own unpacking: both run with interrupts off for a while."""
    low = [v for v in (bare.vcpus if bare else ()) if v.vcpu == vcpu.vcpu and v.uefi_ratio >= BARE_FROM]
    if bare and low:
        says = "it runs below 4 GiB, as firmware does and a kernel that is being unpacked: no kernel runs there yet"
        return [Point(says, bare.refs, 0.03)]
    up_ns = inside.view.uptime_ns if inside else None
    if inside and up_ns is not None and up_ns <= _STARTING_NS:
        return [Point("the guest's kernel counts no time yet: it only comes up", inside.refs, 0.1)]
    return []


CAUSE = Cause(
    slug="guest-hard-lockup",
    family=Family.GUEST_STUCK,
    rank=Rank.SPECIFIC,
    judge=guest_hard_lockup,
    absorbs=(*BUSY, "guest-soft-lockup"),
)
