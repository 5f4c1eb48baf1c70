"""msr-storm: a guest reads one model-specific register without end."""

from crazytrain.lab.guest import DEBUGCON, BootSector, Counted, LabGuest, Sign

MSR_STORM = LabGuest(
    name="msr-storm",
    summary="the guest reads one model-specific register without end (0x839, the local APIC timer's current count)",
    does="A boot sector in a loop of `rdmsr`, as an old delay loop that waits for the timer to count down.",
    family="exit-storm",
    cause="msr-storm",
    image=BootSector(source="msr-storm"),
    arguments=("-cpu", "qemu64,+x2apic"),
    needs_kvm=True,
    memory_mib=64,
    ready=Sign(file=DEBUGCON, pattern=r"\.", times=5),
    progress=Counted(file=DEBUGCON, pattern=r"\.", unit="1,000 reads of the register"),
)
