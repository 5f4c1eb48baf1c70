"""How often each interrupt line fired: the difference between the first and the last ``info irq``."""

from crazytrain.model.facts import Facts, InterruptRates, IrqRate, IrqReading

# Who owns the lines of a PC by tradition; PCI devices share 5, 9, 10 and 11.
_OWNERS = {
    0: "PIT or HPET",
    1: "keyboard",
    3: "COM2",
    4: "COM1",
    6: "floppy",
    7: "LPT1",
    8: "RTC",
    9: "ACPI or PCI",
    10: "PCI",
    11: "PCI",
    12: "mouse",
    14: "IDE 1",
    15: "IDE 2",
}
_PIT = 0
_LOCAL_APIC = "apic"


def derive_interrupts(facts: Facts) -> InterruptRates | None:
    """Compare the first and the last reading; ``None`` with fewer than two, or where no controller counts.

    Controllers named ``kvm-*`` are in the host's kernel: QEMU counts what its own devices raise there, but not the PIT,
    which is in the kernel, too, so IRQ 0 is ``uncounted`` then. Message-signalled interrupts are counted nowhere here.
    """
    readings = sorted(facts.all(IrqReading), key=lambda reading: reading.mono_ns)
    window_ns = readings[-1].mono_ns - readings[0].mono_ns if readings else 0
    if window_ns <= 0 or not readings[-1].controllers:
        return None
    first = {(count.controller, count.irq): count.count for count in readings[0].counts}
    grown = [(count, count.count - first.get((count.controller, count.irq), 0)) for count in readings[-1].counts]
    in_kernel = all(name.startswith("kvm-") for name in readings[-1].controllers if name)
    return InterruptRates(
        window_ns=window_ns,
        rates=tuple(
            IrqRate(
                irq=count.irq,
                per_s=more * 1e9 / window_ns,
                controller=count.controller,
                owner=_OWNERS.get(count.irq, ""),
            )
            for count, more in grown
            if more > 0  # fewer than before: QEMU was reset or is another one, and no rate is known
        ),
        refs=(readings[0].ref, readings[-1].ref),
        uncounted=(_PIT,) if in_kernel else (),
    )
