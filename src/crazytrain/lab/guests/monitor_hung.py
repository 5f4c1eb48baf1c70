"""monitor-hung: somebody stopped the QEMU process."""

from crazytrain.lab.guest import DEBUGCON, BootSector, LabGuest, Sign
from crazytrain.lab.props.stopped import Stopped

MONITOR_HUNG = LabGuest(
    name="monitor-hung",
    summary="the QEMU process is stopped by a signal: nothing answers",
    does="A boot sector that sleeps; once it runs, the lab sends its QEMU SIGSTOP.",
    family="qemu-blocked",
    cause="monitor-hung",
    image=BootSector(source="hlt-idle"),
    memory_mib=64,
    ready=Sign(file=DEBUGCON, pattern=r"\.", times=5),
    progress=None,
    props=(Stopped(),),
)
