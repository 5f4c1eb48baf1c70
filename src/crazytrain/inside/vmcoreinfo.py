"""The note that a kernel keeps for its own crash dump (VMCOREINFO): offsets, sizes and addresses by name.

Linux, kernel/vmcore_info.c (kernel/crash_core.c before 6.9): an ELF note at the start of a page, ``KEY=value`` a line.
"""

import struct

from crazytrain.inside.memory import Memory
from crazytrain.inside.paging import AddressSpace
from crazytrain.inside.symbols import Symbols
from crazytrain.model.guest_memory import PAGE_BYTES, Unreadable

_MOST_BYTES = PAGE_BYTES  # VMCOREINFO_BYTES
_NAME = b"VMCOREINFO\0\0"  # padded to 4 bytes
_NAME_SIZE = struct.pack("<I", 11)
_HEAD_BYTES = 12  # of the note: size of the name, of what it says, type
_LETTER = _NAME[:1]


def parse_vmcoreinfo(text: bytes) -> dict[str, str]:
    r"""Read ``KEY=value`` lines; what is no such line is left out.

    >>> parse_vmcoreinfo(b"OSRELEASE=6.1.0\nSYMBOL(_stext)=ffffffff81000000\n")["SYMBOL(_stext)"]
    'ffffffff81000000'
    """
    lines = text[:_MOST_BYTES].split(b"\0")[0].decode("utf-8", "backslashreplace").split("\n")
    return dict(line.split("=", 1) for line in lines if "=" in line)


def vmcoreinfo_of(space: AddressSpace, symbols: Symbols) -> dict[str, str]:
    """Read the note through the kernel's own variables. Raises ``Unreadable`` where this kernel keeps none."""
    place, size = space.u64(symbols["vmcoreinfo_data"]), space.u64(symbols["vmcoreinfo_size"])
    if not 0 < size <= _MOST_BYTES:
        raise Unreadable("the kernel's crash note has no believable size")
    notes = parse_vmcoreinfo(space.read(place, size))
    if "OSRELEASE" not in notes:
        raise Unreadable("the kernel's crash note is not what it should be")
    return notes


def notes_in(data: bytes) -> list[int]:
    """Where notes begin in a stretch that starts at the start of a page, as offsets."""
    column = data[_HEAD_BYTES::PAGE_BYTES]
    found, row = [], column.find(_LETTER)
    while row >= 0:
        at = row * PAGE_BYTES
        if data[at : at + 4] == _NAME_SIZE and data[at + _HEAD_BYTES : at + _HEAD_BYTES + len(_NAME)] == _NAME:
            found.append(at)
        row = column.find(_LETTER, row + 1)
    return found


def read_note(memory: Memory, address: int) -> dict[str, str]:
    """Read the note at a guest-physical address. Raises ``Unreadable`` where what is there is none."""
    head = memory.read(address, _HEAD_BYTES)
    size = int(struct.unpack_from("<I", head, 4)[0])
    if not 0 < size <= _MOST_BYTES:
        raise Unreadable("the kernel's crash note has no believable size")
    return parse_vmcoreinfo(memory.read(address + _HEAD_BYTES + len(_NAME), size))


def number(notes: dict[str, str], key: str, base: int = 10) -> int | None:
    """A figure of the note; ``None`` where it is not there, or none."""
    try:
        return int(notes[key], base)
    except (KeyError, ValueError):
        return None
