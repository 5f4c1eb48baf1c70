"""How often each interrupt line fired: the difference between the first and the last ``info irq``."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from crazytrain.model.facts import Facts, InterruptRates, IrqRate, IrqReading
from crazytrain.model.facts.devices import DeviceTree, PciDevice, PciDevices

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


_SHARED = (5, 9, 10, 11)  # by PCI devices; the higher lines, which only an I/O APIC has, are all theirs
_FIRST_HIGH_LINE = 16
_MOST_NAMED = 3


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
    sharing = _sharing(facts)
    in_kernel = all(name.startswith("kvm-") for name in readings[-1].controllers if name)
    return InterruptRates(
        window_ns=window_ns,
        rates=tuple(
            IrqRate(
                irq=count.irq,
                per_s=more * 1e9 / window_ns,
                controller=count.controller,
                owner=_owner(count.irq, sharing),
            )
            for count, more in grown
            if more > 0  # fewer than before: QEMU was reset or is another one, and no rate is known
        ),
        refs=(readings[0].ref, readings[-1].ref),
        uncounted=(_PIT,) if in_kernel else (),
    )


def _sharing(facts: Facts) -> Mapping[int, Sequence[str]]:
    """The PCI devices of this guest by the line that they raise."""
    pci, tree = facts.get(PciDevices), facts.get(DeviceTree)
    found: dict[int, list[str]] = defaultdict(list)
    for device in pci.devices if pci else ():
        if device.irq is not None:
            found[device.irq].append(_label(device, tree))
    return found


def _label(device: PciDevice, tree: DeviceTree | None) -> str:
    """The device's type and id as the device tree has them, else what kind of device it says it is."""
    address = f"{device.slot:02x}.{device.function:x}"
    here = [d for d in tree.devices if d.setting("addr") == address and d.id == device.id] if tree else []
    return here[0].label if len(here) == 1 else f"{device.what} {device.id}".strip()


def _owner(irq: int, sharing: Mapping[int, Sequence[str]]) -> str:
    named = sharing.get(irq, ()) if irq in _SHARED or irq >= _FIRST_HIGH_LINE else ()
    if not named:
        return _OWNERS.get(irq, "")
    more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    return ", ".join(named[:_MOST_NAMED]) + more
