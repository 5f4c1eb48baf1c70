"""Cause exit-storm/split-lock."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.log_signs import host_point, host_silent_point
from crazytrain.diagnose.signs import burning_vcpus
from crazytrain.model.facts import ThreadActivity
from crazytrain.model.facts.host import HostParameters
from crazytrain.model.facts.logs import HostLog, KernelMeaning
from crazytrain.model.finding import Claim, Family, Look, Point

_DMESG = Look("split locks in the host's kernel log", "dmesg | grep -i 'split lock'")


def split_lock(log: HostLog, parameters: HostParameters | None, threads: ThreadActivity | None) -> Claim:
    """Does the host slow a vCPU down because the guest takes locks across cache lines?"""
    says = "the guest takes split locks, and the host slows its vCPU down for each of them"
    said = host_point(log, (KernelMeaning.SPLIT_LOCK, KernelMeaning.BUS_LOCK), (300, 40, 12))
    if not said:
        none = host_silent_point(log, "names a split lock of this guest's threads", 0.05)
        return Claim(says=says, prior=0.02, points=(none,), missing=(_DMESG,))
    points = [*said]
    if parameters and parameters.split_lock_mitigate is not None:
        on = parameters.split_lock_mitigate
        how = "each one costs the vCPU about 10 ms" if on else "they cost no forced delay"
        points.append(Point(f"kernel.split_lock_mitigate is {int(on)}: {how}", parameters.refs, 2 if on else 0.1))
    if burning_vcpus(threads) and threads:
        # a vCPU that is put to sleep for each split lock takes no whole CPU
        points.append(Point(f"{burning_vcpus(threads)[0].label} wants a CPU all the time", threads.refs, 0.3))
    # The kernel says it once a thread: how often it happens now is not in the log.
    return Claim(says=says, prior=0.03, points=tuple(points), at_most=0.85)


CAUSE = Cause(slug="split-lock", family=Family.EXIT_STORM, rank=Rank.SPECIFIC, judge=split_lock)
