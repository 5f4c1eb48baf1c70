"""jmp-spin: a boot loader that gave up: it jumps to itself with interrupts off."""

from crazytrain.lab.guest import DEBUGCON, BootSector, LabGuest, Sign

JMP_SPIN = LabGuest(
    name="jmp-spin",
    summary="what was booted gave up before any system: one instruction that jumps to itself, interrupts off",
    does="A boot sector of `cli` and `jmp $`.",
    family="firmware",
    cause="firmware-hang",
    image=BootSector(source="jmp-spin", defines=(("INTERRUPTS", 0),)),
    memory_mib=64,
    ready=Sign(file=DEBUGCON, pattern=r"\."),
    progress=None,
)
