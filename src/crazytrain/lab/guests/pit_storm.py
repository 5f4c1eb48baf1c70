"""pit-storm: the PIT ticks as fast as KVM lets it."""

from crazytrain.lab.guest import DEBUGCON, BootSector, Counted, LabGuest, Sign

DIVISOR = 119  # of 1,193,182 Hz: 10,027 a second. KVM's own PIT does 5,000 at most (kvm.min_timer_period_us)

PIT_STORM = LabGuest(
    name="pit-storm",
    summary="the old system timer (PIT, in the host's kernel) ticks some thousand times a second",
    does="A boot sector that sets channel 0 of the PIT to 10,027 Hz, sleeps, and acknowledges each tick at the PIC.",
    family="timer-storm",
    cause="pit-hpet-storm",
    image=BootSector(source="pit-storm", defines=(("DIVISOR", DIVISOR),)),
    memory_mib=64,
    ready=Sign(file=DEBUGCON, pattern=r"\.", times=3),
    progress=Counted(file=DEBUGCON, pattern=r"\.", unit="500 ticks"),
)
