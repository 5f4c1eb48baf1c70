"""jmp-spin-irq: the same with interrupts on: each returns to the jump."""

import msgspec

from crazytrain.lab.guests.jmp_spin import JMP_SPIN

JMP_SPIN_IRQ = msgspec.structs.replace(
    JMP_SPIN,
    name="jmp-spin-irq",
    summary="the same with interrupts on: the firmware's timer ticks, and returns to the jump",
    does="A boot sector of `sti` and `jmp $`.",
    image=msgspec.structs.replace(JMP_SPIN.image, defines=(("INTERRUPTS", 1),)),
)
