"""cpu-starved: the healthy busy guest, with less CPU than it wants."""

from crazytrain.lab.guest import LabGuest
from crazytrain.lab.guests.busy import BUSY
from crazytrain.lab.props.quota import CpuQuota

PERCENT = 10

CPU_STARVED = LabGuest(
    name="cpu-starved",
    summary="a working guest that may use a tenth of a CPU, and wants four tenths",
    does="The guest `busy`, whose QEMU is put into a control group with a CPU quota once it runs.",
    family="host-pressure",
    cause="cpu-contention",
    image=BUSY.image,
    ready=BUSY.ready,
    progress=BUSY.progress,
    props=(CpuQuota(percent=PERCENT),),
)
