"""frozen: the control group of QEMU is frozen."""

from crazytrain.lab.guest import LabGuest
from crazytrain.lab.guests.hlt_idle import HLT_IDLE
from crazytrain.lab.props.frozen import Frozen

FROZEN = LabGuest(
    name="frozen",
    summary="QEMU's control group is frozen: no thread of it runs, and nothing answers",
    does="A boot sector that sleeps; once it runs, the lab puts its QEMU into a frozen control group.",
    family="host-pressure",
    cause="cgroup-frozen",
    image=HLT_IDLE.image,
    memory_mib=64,
    ready=HLT_IDLE.ready,
    progress=None,
    props=(Frozen(),),
)
