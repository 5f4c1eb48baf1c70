"""paused: somebody paused the guest."""

from crazytrain.lab.guest import LabGuest
from crazytrain.lab.guests.hlt_idle import HLT_IDLE
from crazytrain.lab.props.paused import Paused

PAUSED = LabGuest(
    name="paused",
    summary="somebody paused the guest: it stands still, and nothing is wrong with it",
    does="A boot sector that sleeps; once it runs, the lab pauses it by QEMU's monitor.",
    family="healthy",
    cause="paused",
    image=HLT_IDLE.image,
    memory_mib=64,
    ready=HLT_IDLE.ready,
    progress=None,
    props=(Paused(),),
)
