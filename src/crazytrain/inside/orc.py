"""ORC: the kernel's own table of how to get from any place in its code to the caller's frame.

Each entry has an address (a table of its own, sorted, each number relative to its place) and 6 bytes: the offset of the stack
pointer's base, that of the frame pointer's, and 16 bits with the registers that they count from and the kind of frame. There are
four ways to cut and read these bits (linux/arch/x86/include/asm/orc_types.h, from 4.14 on). Nothing is read before it is needed:
a look-up reads the few pages that a binary search passes, and keeps them.
"""

import struct
from collections import Counter
from enum import Enum
from typing import NamedTuple

from crazytrain.inside.kernel import Kernel, Layout
from crazytrain.inside.paging import AddressSpace
from crazytrain.model.guest_memory import PAGE_BYTES, Unreadable

_ENTRY = struct.Struct("<hhH")
_MOST_ENTRIES = 1 << 24
_MOST_PAGES = 2048
_MOST_RULES = 1 << 16
_HASH_BYTES = 20
_SURVEYED = 16


class Base(Enum):
    """What an offset counts from. An indirect one is read from the stack at that place."""

    UNDEFINED = 0
    PREV_SP = 1
    DX = 2
    DI = 3
    BP = 4
    SP = 5
    R10 = 6
    R13 = 7
    BP_INDIRECT = 8
    SP_INDIRECT = 9


class Kind(Enum):
    """What lies at the place that a rule leads to."""

    UNDEFINED = 0
    END = 1  # nothing: this is the outermost function
    CALL = 2  # a return address
    REGS = 3  # all registers, as an interrupt or system call saved them
    PARTIAL = 4  # only what the CPU itself saved


class Rule(NamedTuple):
    """How to get to the caller's frame from one place in the code."""

    kind: Kind
    sp_base: Base
    sp_offset: int
    bp_base: Base
    bp_offset: int


class Dialect(NamedTuple):
    """How the 16 bits are cut: ``kinds`` by number, which bit marks the end (0: a kind of its own), ``bases`` by number."""

    kinds: tuple[Kind, ...]
    type_mask: int
    end_mask: int
    bases: tuple[Base, ...]


_OLD_KINDS = (Kind.CALL, Kind.REGS, Kind.PARTIAL, Kind.UNDEFINED)
_NEW_KINDS = (Kind.UNDEFINED, Kind.END, Kind.CALL, Kind.REGS, Kind.PARTIAL, *[Kind.UNDEFINED] * 3)
_OLD_BASES = (*Base, *[Base.UNDEFINED] * 6)
_NEW_BASES = (
    *(Base.UNDEFINED, Base.UNDEFINED, Base.DX, Base.SP, Base.BP, Base.DI, Base.R10, Base.R13),
    *(Base.PREV_SP, Base.SP_INDIRECT, Base.BP_INDIRECT, *[Base.UNDEFINED] * 5),
)
FIRST = Dialect(_OLD_KINDS, 3, 1 << 10, _OLD_BASES)  # to 6.2
WITH_SIGNAL = Dialect(_OLD_KINDS, 3, 1 << 11, _OLD_BASES)  # 6.3
WITH_KINDS = Dialect(_NEW_KINDS, 7, 0, _OLD_BASES)  # 6.4 to 7.0
RENUMBERED = Dialect(_NEW_KINDS, 7, 0, _NEW_BASES)  # from 7.1
_BY_HASH = {
    "db84aed4103b31dd51e017f8f79783ca985c2c51": WITH_SIGNAL,
    "fe5d32bf581bd63b2ca9a5c65ba5a625eab3fe24": WITH_KINDS,
    "137c36ad7627c4dd55932176bb0ecdbd5041fc82": RENUMBERED,
}


def dialect_of(kernel: Kernel, table: "OrcTable") -> Dialect:
    """Tell how this kernel's entries are to be read: by the hash that it carries, else by its types, else by the table itself."""
    header = kernel.symbols.get("__start_orc_header")
    if header is not None:
        known = _BY_HASH.get(kernel.space.read(header, _HASH_BYTES).hex())
        if known:
            return known
    words = table.survey()
    return _by_members(kernel.layout, words) or _by_bits(words)


def _has(layout: Layout, member: str) -> bool:
    try:
        layout.field("orc_entry", member)
    except Unreadable:
        return False
    return True


def _by_members(layout: Layout, words: Counter[int]) -> Dialect | None:
    if not _has(layout, "sp_reg"):
        return None
    if _has(layout, "end"):
        return WITH_SIGNAL if _has(layout, "signal") else FIRST
    return _by_numbers(words)


def _by_numbers(words: Counter[int]) -> Dialect:
    """Tell the newer two apart: most frames count from the stack pointer, so the commonest register is that."""
    return RENUMBERED if _commonest(words, 0, 15) == 3 else WITH_KINDS


def _by_bits(words: Counter[int]) -> Dialect:
    """Tell all apart without types: most frames are calls (0, later 2), and bit 11 was not in use at first."""
    if _commonest(words, 8, 7) == 2:
        return _by_numbers(words)
    return WITH_SIGNAL if any(word & 1 << 11 for word in words) else FIRST


def _commonest(words: Counter[int], shift: int, mask: int) -> int:
    counted: Counter[int] = Counter()
    for word, times in words.items():
        counted[word >> shift & mask] += times
    return counted.most_common(1)[0][0] if counted else 0


class Pages:
    """Guest memory that does not change, by pages: each is read once, and not more than some are kept."""

    def __init__(self, space: AddressSpace) -> None:
        self._space = space
        self._pages: dict[int, bytes] = {}

    def read(self, address: int, length: int) -> bytes:
        """Read some bytes. Raises ``Unreadable``."""
        page, at = divmod(address, PAGE_BYTES)
        data = self._page(page)[at : at + length]
        while len(data) < length:
            page += 1
            data += self._page(page)[: length - len(data)]
        return data

    def _page(self, page: int) -> bytes:
        data = self._pages.get(page)
        if data is None:
            if len(self._pages) >= _MOST_PAGES:
                self._pages.clear()
            data = self._pages[page] = self._space.read(page * PAGE_BYTES, PAGE_BYTES)
        return data


class OrcTable:
    """One ORC table: the kernel's, or a module's. ``addresses`` and ``entries`` are where its two halves lie."""

    def __init__(self, pages: Pages, addresses: int, entries: int, count: int) -> None:
        if not 0 < count <= _MOST_ENTRIES:
            raise Unreadable(f"an ORC table of {count} entries is not believed")
        self._pages = pages
        self._addresses = addresses
        self._entries = entries
        self.count = count

    def word(self, address: int) -> tuple[int, int, int]:
        """Give the entry of the code at an address: two offsets and the bits."""
        low, high = 0, self.count
        while low < high:
            middle = (low + high) // 2
            if self._address(middle) <= address:
                low = middle + 1
            else:
                high = middle
        if not low:
            raise Unreadable("the address lies before the ORC table's first")
        return self._entry(low - 1)

    def _address(self, index: int) -> int:
        place = self._addresses + 4 * index
        return place + int.from_bytes(self._pages.read(place, 4), "little", signed=True)

    def _entry(self, index: int) -> tuple[int, int, int]:
        sp_offset, bp_offset, word = _ENTRY.unpack(self._pages.read(self._entries + 6 * index, 6))
        return sp_offset, bp_offset, word

    def survey(self) -> Counter[int]:
        """Count the bits of entries from all over the table."""
        words: Counter[int] = Counter()
        a_page = PAGE_BYTES // _ENTRY.size
        for part in range(_SURVEYED):
            first = part * max(0, self.count - a_page) // _SURVEYED
            words.update(self._entry(index)[2] for index in range(first, min(first + 64, self.count)))
        return words


def kernel_table(kernel: Kernel, pages: Pages) -> OrcTable:
    """Find the table of the kernel itself. Raises ``Unreadable`` for a kernel without ORC."""
    names = ("__start_orc_unwind_ip", "__stop_orc_unwind_ip", "__start_orc_unwind")
    start, stop, entries = (kernel.symbols.get(name) for name in names)
    if start is None or stop is None or entries is None:
        raise Unreadable("this kernel has no ORC tables, so its stacks cannot be read")
    return OrcTable(pages, start, entries, (stop - start) // 4)


class Rules:
    """Rules out of one table, remembered by address."""

    def __init__(self, table: OrcTable, dialect: Dialect) -> None:
        self._table = table
        self.dialect = dialect
        self._known: dict[int, Rule] = {}

    def at(self, address: int) -> Rule:
        """Give the rule for the code at an address. Raises ``Unreadable``."""
        rule = self._known.get(address)
        if rule is None:
            if len(self._known) >= _MOST_RULES:
                self._known.clear()
            rule = self._known[address] = read_rule(self.dialect, *self._table.word(address))
        return rule


def read_rule(dialect: Dialect, sp_offset: int, bp_offset: int, word: int) -> Rule:
    """Read an entry."""
    sp_base = dialect.bases[word & 15]
    kind = dialect.kinds[word >> 8 & dialect.type_mask]
    if sp_base is Base.UNDEFINED and kind is not Kind.END:
        kind = Kind.END if word & dialect.end_mask else Kind.UNDEFINED
    return Rule(kind, sp_base, sp_offset, dialect.bases[word >> 4 & 15], bp_offset)
