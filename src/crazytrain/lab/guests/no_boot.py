"""no-boot: there is nothing to boot from, and the firmware waits."""

from crazytrain.lab.guest import CONSOLE, LabGuest, NoDisk, Sign

NO_BOOT = LabGuest(
    name="no-boot",
    summary="there is nothing to boot from: the firmware says so and waits",
    does="A machine without disk or network. Without a graphics card SeaBIOS speaks on the serial port.",
    family="firmware",
    cause="firmware-wait",
    image=NoDisk(),
    arguments=("-machine", "graphics=off"),
    memory_mib=64,
    ready=Sign(file=CONSOLE, pattern=r"No bootable device"),
    progress=None,
)
