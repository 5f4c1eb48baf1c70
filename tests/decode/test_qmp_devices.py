"""Address map, device tree and virtqueues: texts of a real guest, old forms, hostile input."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.qmp_devices import decode_qmp_devices
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.devices import (
    AddressMap,
    DeviceTree,
    MachineTraits,
    PciDevices,
    Region,
    VirtioDevice,
    VirtioReading,
    VirtQueueReading,
)

RECORDED = Path(__file__).parent / "devices"
PATH = "/machine/peripheral/vd1/virtio-backend"
QUEUE: dict[str, Any] = {
    "signalled-used": 41,
    "inuse": 3,
    "name": "virtio-blk",
    "signalled-used-valid": True,
    "queue-index": 1,
    "last-avail-idx": 45,
    "used-idx": 42,
    "shadow-avail-idx": 45,
    "vring-num": 256,
}
STATUS: dict[str, Any] = {
    "name": "virtio-blk",
    "started": True,
    "broken": False,
    "vhost-started": False,
    "num-vqs": 2,
    "status": {"statuses": ["VIRTIO_CONFIG_S_DRIVER_OK: Driver setup and ready"]},
}


def recorded(name: str) -> str:
    return (RECORDED / f"{name}-pc-kvm-7.2.txt").read_bytes().decode()


def answer(execute: str, said: object, **arguments: object) -> bytes:
    return json.dumps({"execute": execute, "arguments": arguments, "return": said, "mono_ns": 9}).encode() + b"\n"


def human(line: str, text: str) -> bytes:
    return answer("human-monitor-command", text, **{"command-line": line})


def facts(data: bytes) -> list[object]:
    return list(decode_qmp_devices(Evidence(id="devices.0", kind=Kind.QMP_DEVICES, source="QMP", data=data)))


def one(kind: type, data: bytes) -> Any:
    (found,) = [fact for fact in facts(data) if isinstance(fact, kind)]
    return found


def test_an_address_map() -> None:
    seen = one(AddressMap, human("info mtree -f", recorded("mtree")))
    assert seen.complete
    assert [str(ref) for ref in seen.refs] == ["devices.0:1"]
    assert Region(0x70, 0x70, "rtc-index") in seen.ports
    assert Region(0x608, 0x60B, "acpi-tmr") in seen.ports
    assert Region(0xFED00000, 0xFED003FF, "hpet") in seen.memory
    assert Region(0xFE003000, 0xFE003FFF, "virtio-pci-notify-virtio-blk") in seen.memory
    assert not [region for region in seen.ports if region.name == "io"]
    assert not [region for region in seen.memory if "ram" in region.name]


def test_a_map_that_was_cut_off_says_so() -> None:
    text = recorded("mtree")
    cut = one(AddressMap, human("info mtree -f", text[: text.index("vmport")]))
    assert not cut.complete


@pytest.mark.parametrize("text", ["", "unknown command: 'info mtree -f'\r\n", "FlatView #0\r\n"])
def test_no_map(text: str) -> None:
    assert facts(human("info mtree -f", text)) == []


def test_a_device_tree() -> None:
    tree = one(DeviceTree, human("info qtree", recorded("qtree")))
    (usb,) = tree.of("piix3-usb-uhci")
    (tablet,) = tree.of("usb-tablet")
    assert (usb.label, usb.bus, usb.ports) == (
        "piix3-usb-uhci usb",
        "pci.0",
        (Region(0xC120, 0xC13F, "piix3-usb-uhci"),),
    )
    assert (tablet.bus, tablet.depth > usb.depth) == ("usb.0", True)
    (vga,) = tree.of("VGA")
    assert [(r.first, r.last) for r in vga.memory] == [(0xFD000000, 0xFDFFFFFF), (0xFEBD2000, 0xFEBD2FFF)]
    (hpet,) = tree.of("hpet")
    assert hpet.memory == (Region(0xFED00000, 0xFED003FF, "hpet"),)
    assert tree.of("mc146818rtc")[0].setting("lost_tick_policy") == "discard"
    assert tree.of("isa-serial")[0].bus == "isa.0"
    assert tree.of("kvmclock")[0].bus == "main-system-bus"


def test_pci_devices_and_their_lines() -> None:
    seen = one(PciDevices, human("info pci", recorded("pci")))
    assert {(d.what, d.id): d.irq for d in seen.devices if d.irq is not None} == {
        ("Bridge", ""): 9,
        ("SCSI controller", "vd1"): 10,
        ("Class 0255", ""): 10,
        ("Ethernet controller", ""): 11,
        ("USB controller", "usb"): 11,
        ("Class 1920", ""): 11,
    }
    assert [(d.bus, d.slot, d.function) for d in seen.devices][2:4] == [(0, 1, 1), (0, 1, 3)]


def test_what_the_machine_is_set_to() -> None:
    data = (
        human("info qtree", recorded("qtree"))
        + answer("qom-get", "pc-i440fx-7.2-machine", path="/machine", property="type")
        + answer("qom-get", said=True, path="/machine/unattached/device[0]", property="hv-stimer")
        + answer("qom-get", said=False, path="/machine/unattached/device[0]", property="invtsc")
    )
    traits = one(MachineTraits, data)
    assert (traits.machine, traits.rtc_lost_ticks, traits.pit_lost_ticks) == ("pc-i440fx-7.2", "discard", "delay")
    assert (traits.hpet, traits.kvmclock, traits.features, traits.features_off) == (
        *(True, True),
        *(("hv-stimer",), ("invtsc",)),
    )


def test_a_guest_without_hpet() -> None:
    text = recorded("qtree").replace("dev: hpet,", "dev: other,").replace('lost_tick_policy = "discard"', "")
    traits = one(MachineTraits, human("info qtree", text))
    assert (traits.hpet, traits.rtc_lost_ticks) == (False, "")


def test_virtqueues() -> None:
    data = answer("x-query-virtio-status", STATUS, path=PATH) + answer(
        "x-query-virtio-queue-status", QUEUE, path=PATH, queue=1
    )
    reading = one(VirtioReading, data)
    assert reading.devices == (VirtioDevice(device="virtio-blk", path=PATH, started=True),)
    assert reading.queues == (
        VirtQueueReading(
            device="virtio-blk",
            path=PATH,
            queue=1,
            size=256,
            taken=45,
            offered=45,
            used=42,
            in_use=3,
            signalled=41,
        ),
    )
    assert (reading.mono_ns, str(reading.refs[0])) == (9, "devices.0:2")


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"vhost-started": True}, {"vhost": True}),
        ({"broken": True}, {"broken": True}),
        ({"status": {"statuses": ["VIRTIO_CONFIG_S_NEEDS_RESET: Irrecoverable error"]}}, {"needs_reset": True}),
    ],
)
def test_a_device_in_trouble_or_served_by_vhost(more: dict[str, Any], what: dict[str, Any]) -> None:
    reading = one(VirtioReading, answer("x-query-virtio-status", {**STATUS, **more}, path=PATH))
    assert reading.devices == (VirtioDevice(device="virtio-blk", path=PATH, started=True, **what),)


def test_an_unused_queue_is_none() -> None:
    assert facts(answer("x-query-virtio-queue-status", {**QUEUE, "vring-num": 0}, path=PATH)) == []


@given(st.binary(max_size=2000))
def test_any_bytes(data: bytes) -> None:
    facts(data)


@given(st.text(max_size=600), st.sampled_from(["info mtree -f", "info qtree", "info pci"]))
def test_any_text(text: str, line: str) -> None:
    facts(human(line, text))


@given(st.text(alphabet=st.sampled_from('FlatView#0 AS"I/O",rootiodev:bus=()-\r\n'), max_size=800))
def test_any_text_of_that_alphabet(text: str) -> None:
    facts(human("info mtree -f", text) + human("info qtree", text))
