"""apic-timer-storm: the local APIC's timer is armed again and again for a moment just ahead."""

from crazytrain.lab.guest import DEBUGCON, BootSector, Counted, LabGuest, Sign

CYCLES = 200_000  # of the TSC: between 40 and 100 µs ahead, on any host of today

APIC_TIMER_STORM = LabGuest(
    name="apic-timer-storm",
    summary="the local APIC's timer fires many thousand times a second",
    does="A boot sector that arms the timer at each of its interrupts again (TSC_DEADLINE, x2APIC) and sleeps meanwhile.",
    family="timer-storm",
    cause="apic-timer-storm",
    image=BootSector(source="apic-timer-storm", defines=(("CYCLES", CYCLES),)),
    arguments=("-cpu", "qemu64,+x2apic,+tsc-deadline"),
    needs_kvm=True,
    memory_mib=64,
    ready=Sign(file=DEBUGCON, pattern=r"\.", times=3),
    progress=Counted(file=DEBUGCON, pattern=r"\.", unit="500 interrupts of the timer"),
)
