"""Cause guest-busy/guest-kernel-busy."""

from crazytrain.diagnose.bare_signs import BARE_FROM
from crazytrain.diagnose.busy_signs import account_points, chosen, exit_points, halted_points, idles_points
from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.inside_signs import function_points, has_panicked, idle_function_points, lock_function, ticks
from crazytrain.diagnose.signs import burn_point, panic_line
from crazytrain.model.facts import ConsoleLog, KvmExits, ThreadActivity, VcpuActivity, VcpuView
from crazytrain.model.facts.firmware import BareView
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.inside_view import Pace
from crazytrain.model.figures import count, share
from crazytrain.model.finding import Claim, Family, Point

FEW_PLACES = 12
ENOUGH_LOOKS = 12  # at its registers, to know which functions work
SLOW_CLOCKS = ("acpi_pm", "hpet")


def guest_kernel_busy(
    threads: ThreadActivity,
    view: VcpuView | None,
    exits: KvmExits | None,
    console: ConsoleLog | None,
    inside: GuestInside | None,
    bare: BareView | None,
) -> Claim:
    """Does the guest's kernel work, in many different places?"""
    where = _view_points(view, inside) if view else _account_points(inside)
    points = [burn_point(threads), *where]
    points += (*_bare_points(bare), *function_points(inside), *_clock_points(inside))
    points += [Point(idle.says, idle.refs, 0.02) for idle in idle_function_points(inside)]
    points += idles_points(inside) if view else ()
    if panic_line(console) or has_panicked(inside):
        points.append(
            Point(
                "the guest's kernel has panicked",
                (*(console.refs if console else ()), *(inside.refs if inside else ())),
                0.05,
            )
        )
    return Claim(
        says="the guest's kernel is busy: its vCPU runs many different places in kernel mode",
        prior=0.1,
        points=(*points, *exit_points(exits)),
    )


def _bare_points(bare: BareView | None) -> tuple[Point, ...]:
    """Firmware, boot loaders and DOS run in kernel mode, too, and are no kernel."""
    if bare is None or not bare.vcpus or any(v.bare_ratio < BARE_FROM for v in bare.vcpus):
        return ()
    says = "no vCPU has paging on: it is firmware, a boot loader or the like, no system's kernel"
    return (Point(says, bare.refs, 0.02),)


def _clock_points(inside: GuestInside | None) -> tuple[Point, ...]:
    """That reading a slow clock is work of its kernel, too: least to be told apart where it is not known which functions work."""
    clock = inside.clock if inside else None
    known = inside.kernel_functions[0].share.samples if inside and inside.kernel_functions else 0
    if inside is None or clock is None or clock.clocksource not in SLOW_CLOCKS:
        return ()
    says = f"its kernel keeps time by {clock.clocksource}: to read that is work of its kernel, too"
    if known >= ENOUGH_LOOKS:
        return (Point(says, inside.refs, 0.3),)
    return (Point(f"{says}, and nobody saw what it does", inside.refs, 0.15),)


def _view_points(view: VcpuView, inside: GuestInside | None) -> tuple[Point, ...]:
    return (*(_kernel_point(v, view, inside) for v in chosen(view)), *halted_points(view))


def _account_points(inside: GuestInside | None) -> tuple[Point, ...]:
    """The guest's own account; a kernel in which nothing else goes on accounts the same way, so it says less than places do."""
    points = account_points(inside, of_programs=False)
    return points if inside and _goes_on(inside) else tuple(Point(p.says, p.refs, min(p.ratio, 1)) for p in points)


def _kernel_point(vcpu: VcpuActivity, view: VcpuView, inside: GuestInside | None) -> Point:
    says = (
        f"vCPU {vcpu.vcpu} was in kernel mode in {share(vcpu.kernel_ratio)} of {count(vcpu.samples, 'sample')}, "
        f"at {count(vcpu.places, 'place')}"
    )
    moving = vcpu.places > FEW_PLACES and vcpu.kernel_ratio >= 0.6
    if not moving and inside and vcpu.kernel_ratio >= 0.6 and _goes_on(inside):
        return Point(f"{says}; time goes on inside the guest, and it spins for no lock", (*view.refs, *inside.refs), 6)
    half = vcpu.places > FEW_PLACES and vcpu.kernel_ratio >= 0.5  # programs make it work so much, and are the rest
    return Point(says, view.refs, 15 if moving else 4 if half else 0.1)


def _goes_on(inside: GuestInside) -> bool:
    """Whether a guest at few places of its kernel works there all the same: a copy or a cipher is a short loop, too."""
    time = ticks(inside)
    moves = time is not None and time.pace in (Pace.MOVES, Pace.FAST, Pace.SLOW)
    return moves and not has_panicked(inside) and lock_function(inside) is None


CAUSE = Cause(
    slug="guest-kernel-busy",
    family=Family.GUEST_BUSY,
    rank=Rank.GENERAL,
    judge=guest_kernel_busy,
    absorbs=("software-emulation",),
    either=(VcpuView, GuestInside),
)
