"""Cause guest-stuck/guest-reboot-loop."""

from crazytrain.diagnose.bare_signs import reset_point, shutdown_point, shutdowns
from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.model.facts import KvmExits, ProcessFacts
from crazytrain.model.facts.firmware import BareView
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.resets import Resets
from crazytrain.model.figures import span
from crazytrain.model.finding import Claim, Family, Look, Point

_YOUNG_NS = 30 * 10**9
_OLD_NS = 600 * 10**9


def guest_reboot_loop(
    exits: KvmExits | None,
    resets: Resets | None,
    bare: BareView | None,
    inside: GuestInside | None,
    process: ProcessFacts | None,
) -> Claim:
    """Does the guest start again and again?"""
    points: list[Point] = []
    told = resets is not None and resets.by_guest + resets.untold > 0
    if exits and exits.window_ns and (shutdowns(exits) or not told):
        points.append(shutdown_point(exits, once=20, again=400))
    if resets:
        points.append(reset_point(resets, seen_before=shutdowns(exits) == 1))
    points += _kernel_points(inside, process)
    if points and bare and all(v.bare_ratio >= 0.9 for v in bare.vcpus):
        points.append(Point("it never got as far as an operating system", bare.refs, 4))
    cause = " by a triple fault" if shutdowns(exits) else ""
    return Claim(
        says=f"the guest starts again and again: it is reset{cause} within seconds of each start",
        prior=0.02,
        points=tuple(points),
        missing=() if points else (Look("resets, as QEMU tells of them", "virsh event {name} --event reboot --loop"),),
    )


def _kernel_points(inside: GuestInside | None, process: ProcessFacts | None) -> list[Point]:
    """How old the guest's kernel is: one that is young in an old process, and gone again soon, was not started by its owner."""
    if inside is None:
        return []
    before_ns = inside.first_uptime_ns
    if inside.view.rebooted:
        says = "the kernel that ran at the beginning of the look no longer ran at its end"
        if before_ns is not None and before_ns <= _YOUNG_NS:
            return [Point(f"{says}, and it had run for {span(before_ns)} only", inside.refs, 150)]
        return [Point(says, inside.refs, 10)]
    now_ns = inside.view.uptime_ns
    if now_ns is None:
        return []
    if now_ns > _OLD_NS:
        return [Point(f"the guest's kernel has run for {span(now_ns)}", inside.refs, 0.02)]
    if process and process.uptime_s and now_ns <= _YOUNG_NS and process.uptime_s * 1e9 > 5 * _YOUNG_NS:
        says = f"the guest's kernel has run for {span(now_ns)} only, QEMU for {span(process.uptime_s * 1e9)}"
        return [Point(says, (*inside.refs, *process.refs), 4)]
    return []


CAUSE = Cause(
    slug="guest-reboot-loop",
    family=Family.GUEST_STUCK,
    rank=Rank.SPECIFIC,
    judge=guest_reboot_loop,
    absorbs=(*BUSY, "triple-fault"),
)
