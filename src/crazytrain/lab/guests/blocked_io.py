"""blocked-io: QEMU's main thread waits inside a call for storage that does not answer, and all waits for it."""

from crazytrain.lab.guest import DEBUGCON, BootSector, LabGuest, Sign
from crazytrain.lab.guests.pio_poll import LINE_STATUS_OF_COM1
from crazytrain.lab.props.storage import FrozenStorage, OpensFrozenImage

BLOCKED_IO = LabGuest(
    name="blocked-io",
    summary="QEMU's main thread waits for storage that does not answer, holding the big lock: the guest stands still",
    does=(
        "A boot sector that reads a port, so its vCPU needs QEMU all the time. Its disk is a FUSE file whose server, "
        "qemu-storage-daemon, gets SIGSTOP from the lab; then QEMU is told to open that file once more (blockdev-add)."
    ),
    family="qemu-blocked",
    cause="blocked-sync-io",
    image=BootSector(source="pio-poll", defines=(("PORT", LINE_STATUS_OF_COM1),)),
    memory_mib=64,
    ready=Sign(file=DEBUGCON, pattern=r"\.", times=5),
    progress=None,
    props=(FrozenStorage(), OpensFrozenImage()),
)
