"""Cause guest-stuck/guest-reboot-loop."""

from crazytrain.diagnose.bare_signs import reset_point, shutdown_point, shutdowns
from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.model.facts import KvmExits
from crazytrain.model.facts.firmware import BareView
from crazytrain.model.facts.resets import Resets
from crazytrain.model.finding import Claim, Family, Look, Point


def guest_reboot_loop(exits: KvmExits | None, resets: Resets | None, bare: BareView | None) -> Claim:
    """Does the guest start again and again?"""
    points: list[Point] = []
    told = resets is not None and resets.by_guest + resets.untold > 0
    if exits and exits.window_ns and (shutdowns(exits) or not told):
        points.append(shutdown_point(exits, once=20, again=400))
    if resets:
        points.append(reset_point(resets, seen_before=shutdowns(exits) == 1))
    if points and bare and all(v.bare_ratio >= 0.9 for v in bare.vcpus):
        points.append(Point("it never got as far as an operating system", bare.refs, 4))
    cause = " by a triple fault" if shutdowns(exits) else ""
    return Claim(
        says=f"the guest starts again and again: it is reset{cause} within seconds of each start",
        prior=0.02,
        points=tuple(points),
        missing=() if points else (Look("resets, as QEMU tells of them", "virsh event {name} --event reboot --loop"),),
    )


CAUSE = Cause(
    slug="guest-reboot-loop",
    family=Family.GUEST_STUCK,
    rank=Rank.SPECIFIC,
    judge=guest_reboot_loop,
    absorbs=(*BUSY, "triple-fault"),
)
