"""Cause firmware/firmware-wait."""

from crazytrain.diagnose.bare_signs import bare_points, waiting
from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.model.facts import ConsoleLine, ConsoleLog, LineMeaning
from crazytrain.model.facts.firmware import BareView
from crazytrain.model.figures import share
from crazytrain.model.finding import Claim, Family, Point


def firmware_wait(bare: BareView, console: ConsoleLog | None) -> Claim:
    """Does the firmware wait, because there is nothing to boot or somebody shall press a key?"""
    said = _nothing_to_boot(console)
    says = "the firmware waits: no operating system was booted" + (", for there is nothing to boot" if said else "")
    points = [*bare_points(bare), _where(bare)]
    if said:
        points.append(Point(f"the firmware said: {said.text}", (said.ref,), 40))
    return Claim(says=says, prior=0.03, points=tuple(points))


def _where(bare: BareView) -> Point:
    """The boot vCPU waits; the others were never started, or are halted, too."""
    there = waiting(bare)
    if there:
        one = there[0]
        says = f"vCPU {one.vcpu} was halted in {share(one.halted_ratio)} of the samples, in the firmware, able to wake"
        return Point(says, bare.refs, 40)
    inside = max((max(v.rom_ratio, v.uefi_ratio) for v in bare.vcpus), default=0.0)
    return Point(
        f"a vCPU was in the firmware in {share(inside)} of the samples, and does not wait there", bare.refs, 0.1
    )


def _nothing_to_boot(console: ConsoleLog | None) -> ConsoleLine | None:
    """The last such line, where it is among the last words: a system that started later says more."""
    last = console.matter[-1] if console and console.matter else None
    if console is None or last is None or last.meaning is not LineMeaning.NO_BOOT or console.after_last > 5:
        return None
    return last


CAUSE = Cause(
    slug="firmware-wait",
    family=Family.FIRMWARE,
    rank=Rank.SPECIFIC,
    judge=firmware_wait,
    absorbs=("healthy-idle", "healthy-busy"),
)
