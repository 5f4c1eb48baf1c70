"""enospc: the file system behind the guest's disk is full, and QEMU has paused the guest."""

from crazytrain.lab.guest import DEBUGCON, BootSector, LabGuest, Sign
from crazytrain.lab.guests.storage_stall import WRITE_DMA
from crazytrain.lab.props.small_disk import FOLDER, SmallFileSystem

DISK_MIB = 64

ENOSPC = LabGuest(
    name="enospc",
    summary="the file system behind the guest's disk is full, and QEMU has paused the guest",
    does=(
        "A boot sector that writes all over a thin disk of 64 MiB, which lies in a file system of 8 MiB. QEMU's own "
        "policy (werror=enospc) stops the guest when the host has no space left."
    ),
    family="qemu-blocked",
    cause="enospc-paused",
    image=BootSector(
        source="disk-loop",
        defines=(("COMMAND", WRITE_DMA), ("SECTORS", DISK_MIB << 11)),
        disk_mib=DISK_MIB,
        place=f"{FOLDER}/boot.img",
    ),
    memory_mib=64,
    ready=Sign(file=DEBUGCON, pattern=r"\."),
    progress=None,
    props=(SmallFileSystem(limit_mib=8),),
)
