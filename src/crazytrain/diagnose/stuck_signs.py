"""Signs that the causes of family guest-stuck share."""

from crazytrain.diagnose.signs import awake
from crazytrain.model.facts import CpuMode, VcpuView
from crazytrain.model.figures import count
from crazytrain.model.finding import Point

NARROW_PLACES = 12


def kernel_points(view: VcpuView | None) -> tuple[Point, ...]:
    """Whether a vCPU stays in kernel mode, and at how many places."""
    if view is None:
        return ()
    if view.vcpus and all(v.mode is CpuMode.REAL for v in view.vcpus):
        return (Point("the vCPUs are in real mode: no operating system's kernel runs there", view.refs, 0.02),)
    stuck = [v for v in awake(view) if v.kernel_ratio >= 0.9]
    if not stuck:
        return (Point("no vCPU stays in kernel mode all the time", view.refs, 0.1),)
    vcpu = min(stuck, key=lambda v: v.places)
    says = f"vCPU {vcpu.vcpu} never left kernel mode and was seen at {count(vcpu.places, 'place')}"
    return (Point(says, view.refs, 4 if vcpu.places <= NARROW_PLACES else 1.2),)
