"""mmio-poll: a guest reads one register of a network card without end."""

from crazytrain.lab.guest import DEBUGCON, BootSector, Counted, LabGuest, Sign

SLOT = 4

MMIO_POLL = LabGuest(
    name="mmio-poll",
    summary="the guest reads one register of a network card in its memory without end (e1000, STATUS)",
    does="A boot sector that finds the card's memory and waits for a status bit which this model never sets.",
    family="exit-storm",
    cause="mmio-poll",
    image=BootSector(source="mmio-poll", defines=(("SLOT", SLOT),)),
    arguments=("-device", f"e1000,addr={SLOT:#x},romfile="),
    memory_mib=64,
    ready=Sign(file=DEBUGCON, pattern=r"\.", times=5),
    progress=Counted(file=DEBUGCON, pattern=r"\.", unit="1,000 reads of the register"),
)
