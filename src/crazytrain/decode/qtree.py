"""HMP ``info qtree``: every device of the guest, what it is set to, and the ranges it was given."""

import re
from collections.abc import Iterable

import msgspec

from crazytrain.decode.qmp_lines import Line
from crazytrain.model.facts.devices import Device, DeviceTree, Region

COMMAND = "info qtree"
_MOST_DEVICES = 4096
_MOST_SETTINGS = 80
_LONGEST = 200
_DEVICE = re.compile(r'^( *)dev: ([^,\n]{1,100}), id "([^"\n]{0,200})"[ \t]*\r?$')
_BUS = re.compile(r"^( *)bus: (\S{1,100})[ \t]*\r?$")
_SETTING = re.compile(r"^ *([A-Za-z][\w.-]{0,80}) = (.{0,400}?)[ \t]*\r?$")
_BAR = re.compile(r"^ *bar \d: (i/o|mem) at 0x([0-9a-f]{1,16}) \[0x([0-9a-f]{1,16})\]")
_MMIO = re.compile(r"^ *mmio ([0-9a-f]{16})/([0-9a-f]{16})")
_UNMAPPED = 2**64 - 1


class _Open(msgspec.Struct):
    """A device while its lines are read."""

    driver: str
    id: str
    bus: str
    depth: int
    settings: list[tuple[str, str]]
    ports: list[Region]
    memory: list[Region]


def decode_qtree(line: Line, text: str) -> Iterable[DeviceTree]:
    """Yield one ``DeviceTree``, none where no device is named.

    Indentation tells what hangs on what; lines of other forms are passed over. Source: QEMU, softmmu/qdev-monitor.c
    (qdev_print), hw/pci/pci.c (pcibus_dev_print), hw/core/sysbus.c. ::

        bus: pci.0
          type PCI
          dev: piix3-usb-uhci, id "usb"
            maxframes = 128 (0x80)
            bar 4: i/o at 0xc120 [0xc13f]
    """
    devices: list[_Open] = []
    buses: list[tuple[int, str]] = []
    for row in text.splitlines():
        bus, device = _BUS.match(row), _DEVICE.match(row)
        if bus:
            buses = [*_above(buses, len(bus[1])), (len(bus[1]), bus[2])]
        elif device and len(devices) < _MOST_DEVICES:
            buses = _above(buses, len(device[1]))
            on = buses[-1][1] if buses else ""
            devices.append(_Open(device[2], device[3], on, len(device[1]) // 2, [], [], []))
        elif devices:
            _take(devices[-1], row)
    if devices:
        yield DeviceTree(devices=tuple(_closed(one) for one in devices), refs=(line.ref,))


def _above(buses: list[tuple[int, str]], indent: int) -> list[tuple[int, str]]:
    """The buses that a line of this indentation hangs on."""
    return [bus for bus in buses if bus[0] < indent]


def _take(device: _Open, row: str) -> None:
    bar, mmio, setting = _BAR.match(row), _MMIO.match(row), _SETTING.match(row)
    if bar:
        first, last = int(bar[2], 16), int(bar[3], 16)
        if first < last and first != _UNMAPPED:
            (device.ports if bar[1] == "i/o" else device.memory).append(Region(first, last, device.driver))
    elif mmio:
        first, length = int(mmio[1], 16), int(mmio[2], 16)
        if length and first != _UNMAPPED:
            device.memory.append(Region(first, first + length - 1, device.driver))
    elif setting and len(device.settings) < _MOST_SETTINGS:
        device.settings.append((setting[1], setting[2][:_LONGEST].strip('"')))


def _closed(one: _Open) -> Device:
    return Device(
        driver=one.driver,
        id=one.id,
        bus=one.bus,
        depth=one.depth,
        settings=tuple(one.settings),
        ports=tuple(one.ports),
        memory=tuple(one.memory),
    )
