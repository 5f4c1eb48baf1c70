"""migrating: a live migration of the guest is at work and does not come to an end."""

from crazytrain.lab.guest import DEBUGCON, BootSector, Counted, LabGuest, Sign
from crazytrain.lab.props.migration import EndlessMigration

MIGRATING = LabGuest(
    name="migrating",
    summary="a live migration of the guest is at work and does not come to an end",
    does=(
        "A boot sector that writes to 4 MiB of its memory without rest. The lab has it migrated to a process "
        "that keeps nothing, and allows next to no downtime: QEMU sends its memory again and again."
    ),
    family="main-loop-spin",
    cause="migration-running",
    image=BootSector(source="dirty-memory"),
    memory_mib=64,
    ready=Sign(file=DEBUGCON, pattern=r"\.", times=5),
    progress=Counted(file=DEBUGCON, pattern=r"\.", unit="tick of the firmware's timer, up to 18.2 a second"),
    props=(EndlessMigration(),),
)
