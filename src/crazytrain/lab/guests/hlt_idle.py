"""hlt-idle: a healthy boot-sector guest that sleeps."""

from crazytrain.lab.guest import DEBUGCON, BootSector, Counted, LabGuest, Sign

HLT_IDLE = LabGuest(
    name="hlt-idle",
    summary="healthy: sleeps with interrupts on, without any system",
    does="A boot sector in a loop of `hlt`, which the firmware's timer wakes 18.2 times a second.",
    family="healthy",
    cause="healthy-idle",
    image=BootSector(source="hlt-idle"),
    memory_mib=64,
    ready=Sign(file=DEBUGCON, pattern=r"\.", times=5),
    progress=Counted(file=DEBUGCON, pattern=r"\.", unit="tick of the firmware's timer, 18.2 a second"),
)
