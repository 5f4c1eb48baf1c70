"""triple-fault: the guest's processor shut down, and QEMU keeps what is left of it."""

from crazytrain.lab.guest import DEBUGCON, LabGuest, Sign
from crazytrain.lab.guests.reboot_loop import REBOOT_LOOP

TRIPLE_FAULT = LabGuest(
    name="triple-fault",
    summary="the guest crashed once (triple fault), and QEMU keeps it as it is",
    does=f"{REBOOT_LOOP.does.partition(';')[0]}; QEMU may neither reset it nor end (-no-reboot -no-shutdown).",
    family="vcpu-cannot-run",
    cause="triple-fault",
    image=REBOOT_LOOP.image,
    arguments=("-no-shutdown",),
    memory_mib=64,
    ready=Sign(file=DEBUGCON, pattern=r"\."),
    progress=None,
)
