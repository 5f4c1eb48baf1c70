"""pit-storm-qemu: the same storm where QEMU itself makes the PIT, so that its main loop burns."""

import msgspec

from crazytrain.lab.guests.pit_storm import PIT_STORM

PIT_STORM_QEMU = msgspec.structs.replace(
    PIT_STORM,
    name="pit-storm-qemu",
    summary="the old system timer (PIT, in QEMU's main loop) ticks 10,000 times a second",
    does=f"{PIT_STORM.does} With kernel_irqchip=split the PIT is QEMU's, as it is without KVM.",
    arguments=("-machine", "kernel_irqchip=split"),
    needs_kvm=True,
)
