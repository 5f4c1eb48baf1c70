"""interrupt-storm: a card's interrupt line stays up, for nobody answers it."""

from crazytrain.lab.guest import DEBUGCON, BootSector, Counted, LabGuest, Sign

SLOT = 5

INTERRUPT_STORM = LabGuest(
    name="interrupt-storm",
    summary="a network card's interrupt line stays up, and the guest does nothing but answer it",
    does="A boot sector that lets a network card raise its interrupt line, and never tells the card that it was heard.",
    family="exit-storm",
    cause="interrupt-storm",
    image=BootSector(source="interrupt-storm", defines=(("SLOT", SLOT),)),
    arguments=("-device", f"e1000,addr={SLOT:#x}"),
    memory_mib=64,
    ready=Sign(file=DEBUGCON, pattern=r"\.", times=3),
    progress=Counted(file=DEBUGCON, pattern=r"\.", unit="1,000 interrupts"),
)
