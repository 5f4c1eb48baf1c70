"""kvmclock-jump: the guest's KVM clock is set back an hour, and the guest waits for a time that does not come."""

from crazytrain.lab.guest import DEBUGCON, BootSector, CountedInRam, LabGuest, Sign

HOUR_NS = 3_600_000_000_000

# As in asm/kvmclock-wait.asm.
CLOCK_PAGE = 0x8000
MARKER_AT = CLOCK_PAGE + 0x40
MARKER = b"CRAZYTRAIN-CLOCK"
ROUNDS_AT = CLOCK_PAGE + 0x50
DOTS_AT = CLOCK_PAGE + 0x58

KVMCLOCK_JUMP = LabGuest(
    name="kvmclock-jump",
    summary="the guest's kvmclock is set back an hour, and it waits, busily, for a time that does not come",
    does=(
        "A boot sector that turns on kvmclock and waits for a deadline every 100 ms. Once it runs, the lab "
        "makes this one QEMU, of its own making, set its KVM clock back (KVM_SET_CLOCK). On purpose, and only here."
    ),
    family="guest-clock",
    cause="kvmclock-jump",
    image=BootSector(source="kvmclock-wait"),
    needs_kvm=True,
    memory_mib=64,
    ready=Sign(file=DEBUGCON, pattern=r"\.", times=10),
    progress=CountedInRam(address=ROUNDS_AT, unit="round of the loop that waits"),
    clock_step_ns=-HOUR_NS,
)
