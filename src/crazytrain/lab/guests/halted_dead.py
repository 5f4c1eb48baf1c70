"""halted-dead: the guest halted with interrupts off."""

from crazytrain.lab.guest import DEBUGCON, BootSector, LabGuest, Sign

HALTED_DEAD = LabGuest(
    name="halted-dead",
    summary="the guest's one vCPU halted with interrupts off: nothing can wake it, and nobody burns",
    does="A boot sector that sleeps for a quarter of a second, then turns interrupts off and halts.",
    family="guest-stuck",
    cause="guest-halted-dead",
    image=BootSector(source="halted-dead"),
    memory_mib=64,
    ready=Sign(file=DEBUGCON, pattern=r"\.", times=5),
    progress=None,
)
