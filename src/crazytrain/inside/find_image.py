"""The kernel's image as page tables map it: x86-64 Linux has it in the topmost 2 GiB, 1 GiB of addresses for it.

Where it lies there, its page tables' flags say what is read-only data: the symbols are in it, a quarter of the whole.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from crazytrain.inside.kallsyms import START_KERNEL_MAP
from crazytrain.inside.memory import Memory
from crazytrain.model.guest_memory import PAGE_BYTES, Unreadable

_ADDRESS = 0x000F_FFFF_FFFF_F000
_PRESENT, _WRITABLE, _LARGE, _NO_EXECUTE = 1 << 0, 1 << 1, 1 << 7, 1 << 63
_LARGE_BYTES = 2 << 20
_MOST_LARGE_PAGES = 128  # 256 MiB: no kernel's image is so large
_TABLE = struct.Struct("<512Q")
_TOP, _KERNEL = 511, 510  # entries of the tables on the way


class Piece(NamedTuple):
    """A stretch that lies the same in virtual and in physical memory."""

    virtual: int
    physical: int
    length: int
    is_data: bool  # neither to be written nor to be run


def kernel_pieces(memory: Memory, root: int, levels: int) -> list[Piece]:
    """Where the kernel's image lies by the page tables below ``root``. Raises ``Unreadable`` where they map none."""
    table = _entry(memory, root, _TOP)
    if levels == 5:
        table = _entry(memory, table, _TOP)
    middle = _table(memory, _entry(memory, table, _KERNEL))
    pieces: list[Piece] = []
    for piece in _mapped(memory, middle):
        last = pieces[-1] if pieces else None
        if last and last.is_data == piece.is_data and _follows(last, piece):
            pieces[-1] = last._replace(length=last.length + piece.length)
        else:
            pieces.append(piece)
    if not pieces:
        raise Unreadable("the page tables map no kernel")
    return pieces


def is_kernel_table(memory: Memory, root: int, levels: int) -> bool:
    """Whether page tables map something where the kernel's image is."""
    try:
        return bool(kernel_pieces(memory, root, levels))
    except Unreadable:
        return False


def _follows(last: Piece, piece: Piece) -> bool:
    return last.virtual + last.length == piece.virtual and last.physical + last.length == piece.physical


def _entry(memory: Memory, table: int, index: int) -> int:
    (entry,) = struct.unpack("<Q", memory.read((table & _ADDRESS) + 8 * index, 8))
    if not entry & _PRESENT or entry & _LARGE:
        raise Unreadable("the page tables map no kernel")
    return int(entry)


def _table(memory: Memory, entry: int) -> tuple[int, ...]:
    return _TABLE.unpack(memory.read(entry & _ADDRESS, PAGE_BYTES))


def _mapped(memory: Memory, middle: tuple[int, ...]) -> Iterator[Piece]:
    """Mapped pages, large or small, from the first one on; modules lie far behind the image, if in this table at all."""
    used = [index for index, entry in enumerate(middle) if entry & _PRESENT]
    for index in used:
        if index - used[0] >= _MOST_LARGE_PAGES:
            return
        virtual, entry = START_KERNEL_MAP + index * _LARGE_BYTES, middle[index]
        if entry & _LARGE:
            yield Piece(virtual, entry & _ADDRESS & -_LARGE_BYTES, _LARGE_BYTES, _is_data(entry))
        else:
            yield from _small(memory, virtual, entry)


def _small(memory: Memory, virtual: int, entry: int) -> Iterator[Piece]:
    try:
        table = _table(memory, entry)
    except Unreadable:
        return
    for index, page in enumerate(table):
        if page & _PRESENT:
            yield Piece(virtual + index * PAGE_BYTES, page & _ADDRESS, PAGE_BYTES, _is_data(page))


def _is_data(entry: int) -> bool:
    return bool(entry & _NO_EXECUTE) and not entry & _WRITABLE


def read_pieces(memory: Memory, pieces: list[Piece]) -> bytes:
    """What lies from the first piece to the end of the last; zeros where nothing is, or nothing can be read."""
    first = pieces[0].virtual
    image = bytearray(pieces[-1].virtual + pieces[-1].length - first)
    for piece in pieces:
        for address, length in memory.present(piece.physical, piece.length):
            at = piece.virtual - first + address - piece.physical
            try:
                image[at : at + length] = memory.read(address, length)
            except Unreadable:
                continue
    return bytes(image)


def spans(pieces: list[Piece]) -> Iterator[list[Piece]]:
    """What to look through for symbols: each stretch of read-only data, the largest first; then all of it."""
    runs: list[list[Piece]] = []
    for piece in pieces:
        if piece.is_data and runs and runs[-1][-1].virtual + runs[-1][-1].length == piece.virtual:
            runs[-1].append(piece)
        elif piece.is_data:
            runs.append([piece])
    runs.sort(key=_size, reverse=True)
    yield from runs[:4]
    yield pieces


def _size(run: list[Piece]) -> int:
    return sum(piece.length for piece in run)
