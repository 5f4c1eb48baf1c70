"""Cause firmware/firmware-wait."""

from crazytrain.diagnose.bare_signs import BARE_FROM, IN_ROM_FROM, bare_points, shutdowns, waiting
from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.model.facts import ConsoleLine, ConsoleLog, KvmExits, LineMeaning, VcpuView
from crazytrain.model.facts.block import BlockUse
from crazytrain.model.facts.firmware import BarePlace, BareView
from crazytrain.model.facts.resets import Resets
from crazytrain.model.figures import rate, share
from crazytrain.model.finding import Claim, Family, Point

_MANY_PLACES = 60
_LOOP_PLACES = 4
POLLS_FROM, LOADER_FROM = 0.05, 0.25  # of the samples in the firmware, and below: firmware at work leaves ROM seldom
_FEW_REQUESTS_PER_S = 5.0
LOADER_AT_MOST = 0.79  # an instruction that faults goes to the firmware and comes back without end, too


def firmware_wait(
    bare: BareView,
    console: ConsoleLog | None,
    view: VcpuView | None,
    block: BlockUse | None,
    resets: Resets | None,
    exits: KvmExits | None,
) -> Claim:
    """Does the firmware wait, because there is nothing to boot or somebody shall press a key?"""
    asks = polls(bare, view)
    if asks and not waiting(bare):
        return _loader_waits(asks, bare, block, _was_reset(resets, exits))
    said = _nothing_to_boot(console)
    says = "the firmware waits: no operating system was booted" + (", for there is nothing to boot" if said else "")
    points = [*bare_points(bare), _where(bare)]
    if said:
        points.append(Point(f"the firmware said: {said.text}", (said.ref,), 40))
    return Claim(says=says, prior=0.03, points=tuple(points))


def polls(bare: BareView, view: VcpuView | None) -> BarePlace | None:
    """The vCPU that goes to and fro between a small loop below 640 KiB and the firmware, as a boot loader does that asks for a key."""
    places = {v.vcpu: v.places for v in view.vcpus} if view else {}
    for vcpu in bare.vcpus:
        # A loop that is only interrupted is in the firmware now and then, too; one that asks it is there for most of its time.
        asks_from = LOADER_FROM if places.get(vcpu.vcpu, _MANY_PLACES) <= _LOOP_PLACES else POLLS_FROM
        both = (
            vcpu.rom_ratio >= asks_from
            and vcpu.low_ratio >= LOADER_FROM
            and vcpu.rom_ratio + vcpu.low_ratio >= BARE_FROM
        )
        if both and vcpu.halted_ratio < 1 - IN_ROM_FROM and places.get(vcpu.vcpu, _MANY_PLACES) < _MANY_PLACES:
            return vcpu
    return None


def _loader_waits(vcpu: BarePlace, bare: BareView, block: BlockUse | None, resets: tuple[Point, ...]) -> Claim:
    """It asks again and again; one that is loading something does, too, but then the disk moves."""
    says = (
        f"vCPU {vcpu.vcpu} went to and fro between a loader below 640 KiB ({share(vcpu.low_ratio)}) and the firmware "
        f"({share(vcpu.rom_ratio)})"
    )
    points = [*bare_points(bare), Point(says, bare.refs, 25), *_disk_points(block), *resets]
    return Claim(
        says="a boot loader (or DOS) waits: it asks the firmware again and again, as for a key, and boots no operating system",
        prior=0.03,
        points=tuple(points),
        at_most=LOADER_AT_MOST,
    )


def _disk_points(block: BlockUse | None) -> tuple[Point, ...]:
    if block is None or not block.window_ns:
        return ()
    requests = sum(disk.requests_per_s for disk in block.disks)
    if requests <= _FEW_REQUESTS_PER_S:
        return (Point(f"its disks moved next to nothing meanwhile ({rate(requests)} requests)", block.refs, 3),)
    return (Point(f"its disks served {rate(requests)} requests: it is loading something", block.refs, 0.05),)


def _was_reset(resets: Resets | None, exits: KvmExits | None) -> tuple[Point, ...]:
    if resets and resets.by_guest + resets.untold:
        return (Point("it reset itself meanwhile, so it does not wait", resets.refs, 0.05),)
    if exits and shutdowns(exits):
        return (Point("it was reset by a triple fault meanwhile, so it does not wait", exits.refs, 0.05),)
    return ()


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
    absorbs=(*BUSY, "healthy-idle", "healthy-busy"),
)
