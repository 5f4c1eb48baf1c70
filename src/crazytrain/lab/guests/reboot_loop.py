"""reboot-loop: a guest that crashes as soon as it has started, again and again."""

from crazytrain.lab.guest import DEBUGCON, BootSector, Counted, LabGuest, Sign

REBOOT_LOOP = LabGuest(
    name="reboot-loop",
    summary="the guest crashes at once (triple fault), is reset, starts, crashes",
    does="A boot sector that runs an invalid instruction without a table of interrupts; QEMU may reset it.",
    family="guest-stuck",
    cause="guest-reboot-loop",
    image=BootSector(source="reboot-loop"),
    reboots=True,
    memory_mib=64,
    ready=Sign(file=DEBUGCON, pattern=r"\.", times=2),
    progress=Counted(file=DEBUGCON, pattern=r"\.", unit="start"),
)
