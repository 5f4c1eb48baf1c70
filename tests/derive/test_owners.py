"""Ports and pages named by the devices of this very guest, and by the table where the guest is not known."""

from crazytrain.derive.owners import KNOWN_BY_TREE, derive_owned_exits, derive_owners
from crazytrain.model.evidence import Ref
from crazytrain.model.facts import Facts, KvmExits, MmioUse, PortUse
from crazytrain.model.facts.devices import AddressMap, Device, DeviceTree, Region

REFS = (Ref("devices.0", 1),)
MAP = AddressMap(
    ports=(Region(0x608, 0x60B, "acpi-tmr"), Region(0x3F8, 0x3FF, "serial"), Region(0xC120, 0xC13F, "uhci")),
    memory=(Region(0xFED00000, 0xFED003FF, "hpet"), Region(0xFE003000, 0xFE003FFF, "virtio-pci-notify")),
    complete=True,
    refs=REFS,
)
TREE = DeviceTree(
    devices=(
        Device(driver="piix3-usb-uhci", id="usb", ports=(Region(0xC120, 0xC13F, "piix3-usb-uhci"),)),
        Device(driver="bridge", memory=(Region(0xFE000000, 0xFE1FFFFF, "bridge"),)),
        Device(driver="virtio-blk-pci", id="vd1", memory=(Region(0xFE000000, 0xFE003FFF, "virtio-blk-pci"),)),
        Device(driver="hpet", memory=(Region(0xFED00000, 0xFED003FF, "hpet"),)),
    ),
    refs=REFS,
)


def port(number: int) -> PortUse:
    return PortUse(port=number, write=False, count=9, owner="by the table", owner_known_by="table")


def exits(*ports: int, pages: tuple[int, ...] = ()) -> KvmExits:
    return KvmExits(
        window_ns=10**9,
        ports=tuple(map(port, ports)),
        mmio=tuple(MmioUse(page=page, write=True, count=9) for page in pages),
    )


def owned(seen: KvmExits, address_map: AddressMap = MAP) -> KvmExits | None:
    facts = Facts([address_map, TREE, seen])
    owners = derive_owners(facts)
    assert owners is not None
    return derive_owned_exits(facts.plus(owners))


def names(*ports: int, address_map: AddressMap = MAP) -> list[tuple[str, str]]:
    seen = owned(exits(*ports), address_map)
    assert seen is not None
    return [(use.owner, use.owner_known_by) for use in seen.ports]


def test_without_a_map_nobody_is_named() -> None:
    assert derive_owners(Facts([TREE])) is None
    assert derive_owned_exits(Facts([exits(0x3FD)])) is None


def test_a_fixed_port_keeps_its_exact_name_and_is_known_to_be_there() -> None:
    assert names(0x3FD, 0x608) == [
        ("COM1 line status", f"{KNOWN_BY_TREE}: serial"),
        ("ACPI PM timer", f"{KNOWN_BY_TREE}: acpi-tmr"),
    ]


def test_a_port_of_pci_is_named_by_the_device() -> None:
    assert names(0xC128)[0][0] == "piix3-usb-uhci usb (uhci)"


def test_a_port_that_no_device_answers() -> None:
    assert names(0x2FD, 0x1234) == [
        ("no device of this guest; elsewhere COM2 line status", KNOWN_BY_TREE),
        ("no device of this guest", KNOWN_BY_TREE),
    ]


def test_a_map_that_was_cut_off_denies_nothing() -> None:
    cut = AddressMap(ports=MAP.ports[:1], memory=(), complete=False, refs=REFS)
    assert names(0x2FD, address_map=cut) == [("by the table", "table")]


def test_pages_are_named_by_the_smallest_range_around_them() -> None:
    seen = owned(exits(pages=(0xFE003000, 0xFED00000, 0xDEAD0000)))
    assert seen is not None
    assert [use.owner for use in seen.mmio] == [
        "virtio-blk-pci vd1 (virtio-pci-notify)",
        "hpet",
        "no device of this guest, or RAM",
    ]
