"""disk-heavy: the guest reads its disk as fast as it can."""

from crazytrain.lab.guest import DEBUGCON, BootSector, Counted, LabGuest, Sign
from crazytrain.lab.guests.storage_stall import READ_DMA

DISK_MIB = 256

DISK_HEAVY = LabGuest(
    name="disk-heavy",
    summary="the guest reads its disk as fast as it can, and does nothing else",
    does="A boot sector that reads 64 KiB after 64 KiB by DMA, round and round, and sleeps until each is there.",
    family="guest-busy",
    cause="guest-io-heavy",
    image=BootSector(
        source="disk-loop",
        defines=(("COMMAND", READ_DMA), ("SECTORS", DISK_MIB << 11)),
        disk_mib=DISK_MIB,
    ),
    memory_mib=64,
    ready=Sign(file=DEBUGCON, pattern=r"\.", times=5),
    progress=Counted(file=DEBUGCON, pattern=r"\.", unit="50 reads of 64 KiB"),
)
