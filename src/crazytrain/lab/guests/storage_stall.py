"""storage-stall: the storage behind the guest's disk stops answering in the middle of its reads."""

from crazytrain.lab.guest import DEBUGCON, BootSector, LabGuest, Sign
from crazytrain.lab.props.storage import FrozenStorage

READ_DMA, WRITE_DMA = 0xC8, 0xCA
DISK_MIB = 64

STORAGE_STALL = LabGuest(
    name="storage-stall",
    summary="the storage behind the guest's disk stops answering in the middle of its reads",
    does=(
        "A boot sector that reads its disk by DMA and sleeps meanwhile. The image is a FUSE file (cache=none) whose "
        "server, qemu-storage-daemon, gets SIGSTOP from the lab: a worker thread of QEMU stays in its read."
    ),
    family="qemu-blocked",
    cause="storage-stall",
    image=BootSector(
        source="disk-loop",
        defines=(("COMMAND", READ_DMA), ("SECTORS", DISK_MIB << 11)),
        disk_mib=DISK_MIB,
        options=",cache=none",
    ),
    memory_mib=64,
    ready=Sign(file=DEBUGCON, pattern=r"\.", times=2),
    progress=None,
    props=(FrozenStorage(),),
)
