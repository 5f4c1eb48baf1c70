"""Cause vcpu-cannot-run/vfio-memory-fault."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.log_signs import LOG_LOOK, said_point, silent_point, stands_still_point
from crazytrain.model.facts import DescriptorTable, QemuState
from crazytrain.model.facts.logs import HostLog, KernelMeaning, QemuLog, QemuMeaning
from crazytrain.model.finding import Claim, Family, Point

_OTHERS = (QemuMeaning.ENTRY_FAILED, QemuMeaning.INTERNAL_ERROR)
UNNAMED_AT_MOST = 0.75  # huge pages, shared or persistent memory that has gone give the same words


def vfio_memory_fault(
    log: QemuLog, state: QemuState | None, table: DescriptorTable | None, host: HostLog | None
) -> Claim:
    """Did KVM meet memory of a passed-through device that it cannot map?"""
    says = "KVM stopped at memory that it cannot reach ('bad address'), most likely that of a passed-through device"
    lines = log.of(QemuMeaning.BAD_ADDRESS)
    if not lines:
        none = silent_point(log, "tells of a 'bad address' of KVM", 0.02, _OTHERS)
        return Claim(says=says, prior=0.02, points=(none,), missing=(LOG_LOOK,))
    points = [*said_point(log, (QemuMeaning.BAD_ADDRESS,), 300), *stands_still_point(state, 3)]
    if table:
        given = table.of("vfio")
        if given:
            points.append(Point(f"a device is passed through to it: {given[0].label}", table.refs, 5))
        elif table.complete:
            says_not = "no device is passed through: some other backend of its memory has gone"
            points.append(Point(says_not, table.refs, 0.01))
    troubled = host.of(KernelMeaning.IOMMU, KernelMeaning.VFIO) if host else ()
    near = [line for line in troubled if line.in_window or (line.ago_ns or 0) < 3600 * 10**9]
    if near:
        points.append(Point(f"the host's kernel said: {near[-1].line.text}", (near[-1].line.ref,), 2))
    named = table is not None or near or log.of(QemuMeaning.VFIO)
    return Claim(says=says, prior=0.02, points=tuple(points), at_most=1.0 if named else UNNAMED_AT_MOST)


CAUSE = Cause(
    slug="vfio-memory-fault",
    family=Family.VCPU_CANNOT_RUN,
    rank=Rank.SPECIFIC,
    judge=vfio_memory_fault,
    absorbs=("emulation-failure", "guest-halted-dead"),
)
