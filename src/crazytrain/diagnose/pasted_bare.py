"""What register dumps of a guest without an operating system say where nobody measured its threads, as points of causes.

Two dumps with the same place say that it did not move; one says where it was, and no more.
"""

from collections.abc import Iterator

from crazytrain.model.facts import Facts, ThreadActivity, VcpuSamples
from crazytrain.model.facts.dumps import FailureDump
from crazytrain.model.facts.firmware import BareView
from crazytrain.model.finding import Point

_BARE_FROM = 0.95
_RATIOS = {
    "firmware-hang": (4.0, 4.0),
    "firmware-wait": (4.0, 0.7),
}  # in the firmware; beside it, that it stays in one place


def bare_register_points(cause: str, facts: Facts) -> Iterator[Point]:
    """Whether every vCPU that was printed is in the firmware, and stays where it is. A failure of KVM has its own causes."""
    view = facts.get(BareView)
    measured = facts.get(ThreadActivity) is not None or facts.get(FailureDump) is not None
    if cause not in _RATIOS or view is None or measured:
        return
    inside = [one for one in view.vcpus if max(one.rom_ratio, one.uefi_ratio) >= _BARE_FROM]
    if not view.vcpus or len(inside) < len(view.vcpus):
        return
    plain, still = _RATIOS[cause]
    yield Point("the registers show no operating system: the CPU is in the firmware", view.refs, plain)
    places: dict[int, list[int]] = {}
    for sample in (sample for burst in facts.all(VcpuSamples) for sample in burst.samples):
        places.setdefault(sample.vcpu, []).append(sample.address)
    if any(len(seen) > 1 and len(set(seen)) == 1 for seen in places.values()):
        halted = any(one.halted_ratio > 0 for one in view.vcpus)
        says = "it was at the very same place when it was looked at again" + (", halted" if halted else "")
        yield Point(says, view.refs, 1.0 if halted else still)
