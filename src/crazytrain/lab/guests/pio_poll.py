"""pio-poll: a guest reads one I/O port without end."""

from crazytrain.lab.guest import DEBUGCON, BootSector, Counted, LabGuest, Sign

LINE_STATUS_OF_COM1 = 0x3FD

PIO_POLL = LabGuest(
    name="pio-poll",
    summary="the guest reads one I/O port without end (0x3fd, the first serial port's line status)",
    does="A boot sector in a loop of `in al, dx`, as a driver that waits for a device which never gets ready.",
    family="exit-storm",
    cause="pio-poll",
    image=BootSector(source="pio-poll", defines=(("PORT", LINE_STATUS_OF_COM1),)),
    memory_mib=64,
    ready=Sign(file=DEBUGCON, pattern=r"\.", times=5),
    progress=Counted(file=DEBUGCON, pattern=r"\.", unit="2,500 reads of the port"),
)
