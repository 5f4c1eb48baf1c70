"""Rates of interrupts and of KVM's counters: two readings make one, a reset makes none. And the clock's readings."""

import pytest

from crazytrain.derive.clock import derive_clock
from crazytrain.derive.interrupts import derive_interrupts
from crazytrain.derive.kvm_stats import derive_kvm_stats
from crazytrain.inside.pvclock_search import page_of
from crazytrain.model.evidence import Ref
from crazytrain.model.facts import Facts, IrqCount, IrqReading, KvmCounter, KvmStatReading, PvclockReading
from crazytrain.model.facts.devices import Device, DeviceTree, PciDevice, PciDevices

S = 10**9


def irqs(at_s: float, controllers: tuple[str, ...] = ("ioapic", "isa-i8259"), **counts: int) -> IrqReading:
    """Counts by name: ``ioapic_8=5``."""
    named = [name.rpartition("_") for name in counts]
    return IrqReading(
        mono_ns=int(at_s * S),
        controllers=controllers,
        counts=tuple(IrqCount(c, int(n), counts[f"{c}_{n}"]) for c, _, n in named),
        ref=Ref("qmp.0", int(at_s)),
    )


def stats(at_s: float, vcpus: int = 1, **counters: int) -> KvmStatReading:
    values = tuple(KvmCounter(name, value) for name, value in counters.items())
    return KvmStatReading(mono_ns=int(at_s * S), counters=values, vcpus=vcpus, ref=Ref("qmp.0", int(at_s)))


def test_interrupts_are_rates_between_the_first_and_the_last_reading() -> None:
    middle = irqs(3, ioapic_8=9_000_000)
    rates = derive_interrupts(Facts([irqs(6, ioapic_8=81920, ioapic_0=7), middle, irqs(1, ioapic_8=40960, ioapic_0=7)]))
    assert rates is not None
    assert [(r.irq, r.per_s, r.controller, r.owner) for r in rates.rates] == [(8, 8192.0, "ioapic", "RTC")]
    assert (rates.window_ns, rates.per_s(8), rates.per_s(0), rates.uncounted) == (5 * S, 8192.0, 0.0, ())
    assert [str(ref) for ref in rates.refs] == ["qmp.0:1", "qmp.0:6"]


def test_a_line_that_is_new_began_at_zero_and_one_that_fell_has_no_rate() -> None:
    rates = derive_interrupts(Facts([irqs(1, ioapic_0=500), irqs(2, ioapic_0=5, ioapic_4=30)]))
    assert rates is not None
    assert [(r.irq, r.per_s) for r in rates.rates] == [(4, 30.0)]


def test_the_pit_in_the_kernel_is_not_counted() -> None:
    kernel = ("kvm-ioapic", "kvm-i8259")
    rates = derive_interrupts(Facts([irqs(1, kernel), irqs(2, kernel)]))
    assert rates is not None
    assert (rates.rates, rates.uncounted) == ((), (0,))
    split = ("ioapic", "kvm-i8259")
    rates = derive_interrupts(Facts([irqs(1, split), irqs(2, split)]))
    assert rates is not None
    assert rates.uncounted == ()


def test_one_reading_is_no_rate() -> None:
    assert derive_interrupts(Facts()) is None
    assert derive_interrupts(Facts([irqs(1, ioapic_8=1)])) is None
    assert derive_interrupts(Facts([irqs(1, ioapic_8=1), irqs(1, ioapic_8=2)])) is None
    assert derive_kvm_stats(Facts([stats(1, exits=1)])) is None
    assert derive_kvm_stats(Facts()) is None
    assert derive_clock(Facts()) is None


def test_kvm_counters() -> None:
    rates = derive_kvm_stats(Facts([stats(3, exits=5000, halt_exits=3, new=9), stats(1, exits=1000, halt_exits=7)]))
    assert rates is not None
    assert (rates.per_s("exits"), rates.per_s("halt_exits"), rates.per_s("new")) == (2000.0, None, None)
    assert [str(ref) for ref in rates.refs] == ["qmp.0:1", "qmp.0:3"]


def test_sums_over_other_vcpus_are_not_compared() -> None:
    assert derive_kvm_stats(Facts([stats(1, 2, exits=1), stats(2, 3, exits=9)])) is None


def test_the_clock_keeps_every_look_in_order() -> None:
    raw = bytes.fromhex("02000000000000003781117d13090000b1e7e40000000000b258ecc4ff010000")
    early, late = page_of(raw, 0x9000, 5), page_of(raw, 0x9000, 9)
    assert early is not None
    assert late is not None
    first = PvclockReading(pages=(early,), uptime_ns=20, searched_bytes=6 << 20, ref=Ref("pvclock.0"))
    second = PvclockReading(pages=(late,), uptime_ns=25, searched_bytes=32, ref=Ref("pvclock.1"))
    clock = derive_clock(Facts([second, first]))
    assert clock is not None
    assert [page.mono_ns for page in clock.pages] == [5, 9]
    assert (clock.uptime_ns, clock.searched_bytes) == (25, 6 << 20)
    assert sorted(map(str, clock.refs)) == ["pvclock.0", "pvclock.1"]


def test_a_search_in_vain_is_a_clock_without_pages() -> None:
    clock = derive_clock(Facts([PvclockReading(pages=(), uptime_ns=20, searched_bytes=6 << 20, ref=Ref("pvclock.0"))]))
    assert clock is not None
    assert clock.pages == ()
    assert clock.searched_bytes == pytest.approx(6 << 20)


def test_lines_of_pci_are_named_by_the_devices_of_this_guest() -> None:
    devices = PciDevices(
        devices=(
            PciDevice(bus=0, slot=4, function=0, what="USB controller", id="usb", irq=11),
            PciDevice(bus=0, slot=3, function=0, what="Ethernet controller", irq=11),
            PciDevice(bus=0, slot=9, function=0, what="Other", irq=8),
            *(PciDevice(bus=0, slot=n, function=0, what=f"Disk {n}", irq=22) for n in range(20, 25)),
        ),
        refs=(Ref("devices.0"),),
    )
    tree = DeviceTree(
        devices=(Device(driver="piix3-usb-uhci", id="usb", settings=(("addr", "04.0"),)),), refs=(Ref("devices.0"),)
    )
    readings = (irqs(1), irqs(2, ioapic_11=5, ioapic_8=5, ioapic_22=5, ioapic_10=5))
    rates = derive_interrupts(Facts([*readings, devices, tree]))
    assert rates is not None
    assert {rate.irq: rate.owner for rate in rates.rates} == {
        11: "piix3-usb-uhci usb, Ethernet controller",
        8: "RTC",
        22: "Disk 20, Disk 21, Disk 22 and 2 more",
        10: "PCI",
    }
