"""What is kept of a kernel from one look to the next, and whether it still holds: the guest may have rebooted."""

import struct
from collections.abc import Sequence

import msgspec

from crazytrain.inside.banner import linux_banner
from crazytrain.inside.find_root import Found, Root, runs_now
from crazytrain.inside.memory import Memory
from crazytrain.inside.paging import AddressSpace
from crazytrain.inside.registers import CpuRegisters
from crazytrain.inside.symbols import Symbols
from crazytrain.model.facts.inside import FoundBy
from crazytrain.model.guest_memory import Unreadable

_HEAD = struct.Struct("<8sII")  # magic, bytes of what is kept about the kernel, of its layout; then layout, symbols
_MAGIC = b"inside 1"
_MOST_ABOUT = 64 << 10


class _About(msgspec.Struct, frozen=True):
    root: int
    levels: int
    banner: str
    found_by: FoundBy


class Kept(msgspec.Struct, frozen=True):
    """A kernel that was kept: ``layout`` is what its layout remembered."""

    found: Found
    found_by: FoundBy
    layout: bytes


def keep(found: Found, found_by: FoundBy, layout: bytes = b"") -> bytes:
    """Pack a kernel, to be kept."""
    about = msgspec.json.encode(_About(*found.root, found.banner, found_by))
    return _HEAD.pack(_MAGIC, len(about), len(layout)) + about + layout + found.symbols.pack()


def unpack(data: bytes) -> Kept:
    """Read what was kept. Raises ``Unreadable`` for anything else."""
    if len(data) < _HEAD.size:
        raise Unreadable("what was kept of the kernel is cut short")
    magic, about_bytes, layout_bytes = _HEAD.unpack_from(data)
    if magic != _MAGIC or about_bytes > _MOST_ABOUT:
        raise Unreadable("what was kept of the kernel is of another version")
    layout_at = _HEAD.size + about_bytes
    symbols_at = layout_at + layout_bytes
    try:
        about = msgspec.json.decode(data[_HEAD.size : layout_at], type=_About)
    except msgspec.DecodeError as error:
        raise Unreadable("what was kept of the kernel cannot be read") from error
    if about.levels not in (4, 5):
        raise Unreadable("what was kept of the kernel is not believed")
    found = Found(Root(about.root, about.levels), Symbols.unpack(data[symbols_at:]), about.banner)
    return Kept(found, about.found_by, data[layout_at:symbols_at])


def check(memory: Memory, kept: Kept, registers: Sequence[CpuRegisters]) -> None:
    """Raise ``Unreadable`` unless this kernel is still the guest's: its banner and all its names at their places, and in use.

    Without ``registers`` a kernel that ran before the guest rebooted, and that nothing has overwritten, is taken for alive.
    """
    found = kept.found
    space = AddressSpace(memory, *found.root)
    if linux_banner(space, found.symbols) != found.banner:
        raise Unreadable("another kernel runs now: another banner")
    if space.read(found.symbols.names_at, len(found.symbols.names)) != found.symbols.names:
        raise Unreadable("another kernel runs now: other symbols")
    if not runs_now(memory, found, registers):
        raise Unreadable("the kernel that ran before is not in use any more")
