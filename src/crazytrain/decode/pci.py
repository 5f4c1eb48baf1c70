"""HMP ``info pci``: which PCI device raises which interrupt line."""

import re
from collections.abc import Iterable

from crazytrain.decode.qmp_lines import Line
from crazytrain.model.facts.devices import PciDevice, PciDevices

COMMAND = "info pci"
_MOST_DEVICES = 1024
_HEAD = re.compile(
    r"^ *Bus +(\d{1,3}), device +(\d{1,3}), function (\d):[ \t]*\r?\n *([^\n:]{1,80}): PCI device", re.MULTILINE
)
_IRQ = re.compile(r"^ *IRQ (\d{1,3}), pin [A-D]", re.MULTILINE)
_ID = re.compile(r'^ *id "([^"\n]{0,200})"', re.MULTILINE)


def decode_pci(line: Line, text: str) -> Iterable[PciDevices]:
    """Yield one ``PciDevices``, none where the text names no device.

    Source: QEMU, hw/pci/pci-hmp-cmds.c (hmp_info_pci_device). ::

        Bus  0, device   4, function 0:
          USB controller: PCI device 8086:7020
            IRQ 11, pin D
            id "usb"
    """
    heads = list(_HEAD.finditer(text))[:_MOST_DEVICES]
    ends = [*(head.start() for head in heads[1:]), len(text)]
    devices = []
    for head, end in zip(heads, ends, strict=False):
        block = text[head.end() : end]
        irq, named = _IRQ.search(block), _ID.search(block)
        devices.append(
            PciDevice(
                bus=int(head[1]),
                slot=int(head[2]),
                function=int(head[3]),
                what=head[4],
                id=named[1] if named else "",
                irq=int(irq[1]) if irq else None,
            )
        )
    if devices:
        yield PciDevices(devices=tuple(devices), refs=(line.ref,))
