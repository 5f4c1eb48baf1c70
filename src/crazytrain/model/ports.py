"""Who owns an I/O port of a PC as QEMU makes it: ISA devices by custom, chipset and paravirtual ones by QEMU's sources.

Only fixed ports are named. What the firmware places (ACPI registers, PCI BARs) stands where SeaBIOS or OVMF put it.
"""

import msgspec

KNOWN_BY = "table of the PC's fixed I/O ports"
KNOWN_BY_WINDOW = "window that the firmware gives to PCI"


class _Range(msgspec.Struct, frozen=True):
    first: int
    last: int
    owner: str


# What is more exact comes first.
_RANGES = (
    _Range(0x608, 0x60B, "ACPI PM timer"),
    _Range(0xB008, 0xB00B, "ACPI PM timer"),  # OVMF on i440fx, SeaBIOS before 1.8
    _Range(0x408, 0x40B, "ACPI PM timer"),
    _Range(0x3FD, 0x3FD, "COM1 line status"),
    _Range(0x3F8, 0x3FF, "COM1"),
    _Range(0x2FD, 0x2FD, "COM2 line status"),
    _Range(0x2F8, 0x2FF, "COM2"),
    _Range(0x3E8, 0x3EF, "COM3"),
    _Range(0x2E8, 0x2EF, "COM4"),
    _Range(0x80, 0x80, "POST code, used as a delay"),
    _Range(0xED, 0xED, "delay port"),
    _Range(0x40, 0x43, "PIT"),
    _Range(0x61, 0x61, "PIT channel 2 and speaker"),
    _Range(0x70, 0x71, "RTC"),
    _Range(0x72, 0x73, "extended CMOS"),
    _Range(0x20, 0x21, "PIC, first"),
    _Range(0xA0, 0xA1, "PIC, second"),
    _Range(0x4D0, 0x4D1, "PIC trigger modes"),
    _Range(0x60, 0x60, "keyboard controller data"),
    _Range(0x64, 0x64, "keyboard controller status"),
    _Range(0x1F7, 0x1F7, "IDE first channel status"),
    _Range(0x1F0, 0x1F7, "IDE first channel"),
    _Range(0x3F6, 0x3F6, "IDE first channel alternate status"),
    _Range(0x177, 0x177, "IDE second channel status"),
    _Range(0x170, 0x177, "IDE second channel"),
    _Range(0x376, 0x376, "IDE second channel alternate status"),
    _Range(0x3F0, 0x3F7, "floppy controller"),
    _Range(0x378, 0x37F, "parallel port"),
    _Range(0xCF8, 0xCFB, "PCI configuration address"),
    _Range(0xCF9, 0xCF9, "reset control"),
    _Range(0xCFC, 0xCFF, "PCI configuration data"),
    _Range(0x510, 0x51B, "fw_cfg"),
    _Range(0x505, 0x506, "pvpanic"),
    _Range(0xE9, 0xE9, "debug console"),
    _Range(0x402, 0x402, "debug console of the firmware"),
    _Range(0xF4, 0xF4, "isa-debug-exit"),
    _Range(0x3B0, 0x3DF, "VGA"),
    _Range(0x1CE, 0x1D0, "VGA, Bochs extension"),
    _Range(0x92, 0x92, "fast A20 and reset"),
    _Range(0xB2, 0xB3, "SMI command"),
    _Range(0x00, 0x0F, "DMA, first"),
    _Range(0x81, 0x8F, "DMA pages"),
    _Range(0xC0, 0xDF, "DMA, second"),
    _Range(0xF0, 0xF1, "FPU error"),
    _Range(0x5658, 0x5659, "VMware backdoor (vmport)"),
    _Range(0x600, 0x607, "ACPI power management"),
    _Range(0xB000, 0xB007, "ACPI power management"),
    _Range(0x620, 0x62F, "ACPI general events"),
    _Range(0xAFE0, 0xAFE3, "ACPI general events"),
    _Range(0xAE00, 0xAE17, "ACPI PCI hotplug"),
    _Range(0xAF00, 0xAF1F, "ACPI CPU hotplug"),
    _Range(0xA00, 0xA17, "ACPI memory hotplug"),
    _Range(0xCD8, 0xCE3, "ACPI CPU hotplug"),
    _Range(0xCC0, 0xCD7, "ACPI PCI hotplug"),
    _Range(0x700, 0x73F, "SMBus"),
    _Range(0xB100, 0xB13F, "SMBus"),
    _Range(0x220, 0x22F, "Sound Blaster 16"),
    _Range(0x388, 0x38B, "AdLib"),
    _Range(0x300, 0x31F, "NE2000 (ISA)"),
)
_PCI_WINDOW = _Range(0xC000, 0xFFFF, "a PCI device (which: `info pci` in QEMU's monitor)")
_BY_PORT = {port: one.owner for one in reversed(_RANGES) for port in range(one.first, one.last + 1)}


def port_owner(port: int) -> tuple[str, str]:
    """Name the device that owns an I/O port, and how that is known; both empty where it is not.

    >>> port_owner(0x3FD)
    ('COM1 line status', "table of the PC's fixed I/O ports")
    >>> port_owner(0x1234)
    ('', '')
    """
    if owner := _BY_PORT.get(port):
        return owner, KNOWN_BY
    if _PCI_WINDOW.first <= port <= _PCI_WINDOW.last:
        return _PCI_WINDOW.owner, KNOWN_BY_WINDOW
    return "", ""
