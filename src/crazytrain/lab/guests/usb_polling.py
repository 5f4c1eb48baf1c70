"""usb-polling: a USB 1 controller, started for a tablet, wakes QEMU's main loop for each frame."""

from crazytrain.lab.guest import DEBUGCON, BootSector, Counted, LabGuest, Sign

SLOT = 4

USB_POLLING = LabGuest(
    name="usb-polling",
    summary="a USB 1 controller with a tablet wakes QEMU a thousand times a second, though the guest sleeps",
    does=(
        "A boot sector that starts the UHCI controller on which the tablet hangs, as every system does that has a "
        "driver for it (this firmware stops it again), and sleeps."
    ),
    family="main-loop-spin",
    cause="usb-polling",
    image=BootSector(source="usb-frames", defines=(("SLOT", SLOT),)),
    arguments=("-device", f"piix3-usb-uhci,id=uhci,addr={SLOT:#x}", "-device", "usb-tablet,bus=uhci.0"),
    memory_mib=64,
    ready=Sign(file=DEBUGCON, pattern=r"\.", times=5),
    progress=Counted(file=DEBUGCON, pattern=r"\.", unit="tick of the firmware's timer, 18.2 a second"),
)
