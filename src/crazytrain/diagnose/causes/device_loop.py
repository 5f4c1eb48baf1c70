"""Cause main-loop-spin/device-loop."""

from collections.abc import Iterator

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.device_stacks import device_in, runs
from crazytrain.diagnose.signs import burning_vcpus
from crazytrain.model.facts import KvmExits, ThreadActivity, ThreadRole
from crazytrain.model.facts.stacks import CpuProfile, ThreadProfile
from crazytrain.model.figures import count, share
from crazytrain.model.finding import Claim, Family, Point

_LEAST_SAMPLES = 15
# A guest that polls a device leaves guest mode each time, and that takes the kernel as long as QEMU: never nine tenths are QEMU's.
_FROM = 0.9
_ENDED_FROM = 3  # one was left behind at the beginning of the window, perhaps
_SAYS = "QEMU's own code of a device runs round in circles: one access of the guest to it never ends"


def device_loop(profile: CpuProfile, threads: ThreadActivity, exits: KvmExits | None) -> Claim:
    """Does a vCPU's thread stay within one access to a device?"""
    burns = {thread.tid for thread in burning_vcpus(threads)}
    caught = next(_caught(profile, burns), None)
    if caught is None:
        none = Point("no vCPU that burns spends its time in QEMU's own code of a device", profile.refs, 0.02)
        return Claim(says=_SAYS, prior=0.01, points=(none,))
    tid, point = caught
    return Claim(says=_SAYS, prior=0.01, points=(point, *_ends(exits, tid)))


def _ends(exits: KvmExits | None, tid: int) -> tuple[Point, ...]:
    """Who leaves guest mode for QEMU again and again has ended each access before the next: a slow device, and no loop."""
    times = sum(one.count for one in exits.userspace if one.tid == tid) if exits and exits.window_ns else 0
    if exits is None or times < _ENDED_FROM:
        return ()
    return (Point(f"that vCPU left for QEMU {count(times, 'time')} meanwhile: its accesses end", exits.refs, 0.005),)


def _caught(profile: CpuProfile, burns: set[int]) -> Iterator[tuple[int, Point]]:
    for thread in profile.threads:
        if thread.role is not ThreadRole.VCPU or thread.tid not in burns or thread.samples < _LEAST_SAMPLES:
            continue
        device, part = _device(thread)
        if part >= _FROM:
            says = f"{thread.label} was in {device} in {share(part)} of {count(thread.samples, 'sample')} of its thread"
            yield thread.tid, Point(f"{says}, and hardly ever in the kernel", profile.refs, 300)


def _device(thread: ThreadProfile) -> tuple[str, float]:
    """The device's function that a thread is in most often, and in which share of its samples."""
    often: dict[str, int] = {}
    for stack in thread.stacks:
        if "kvm_cpu_exec" in stack.frames and runs(stack.frames) and (device := device_in(stack.frames)):
            often[device] = often.get(device, 0) + stack.count
    most = max(often, key=lambda name: often[name], default="")
    return most, often.get(most, 0) / thread.samples


CAUSE = Cause(
    slug="device-loop",
    family=Family.MAIN_LOOP_SPIN,
    rank=Rank.SPECIFIC,
    judge=device_loop,
    absorbs=("monitor-hung", "software-emulation", "guest-kernel-busy"),
)
