"""Names of a guest kernel's functions and variables, by address and by name. Names stay packed until they are asked for."""

import bisect
import operator
import struct
from array import array
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from crazytrain.model.guest_memory import Unreadable

_HEAD = struct.Struct("<4sIIIQ")  # magic, count of symbols, bytes of tokens, bytes of names, where those lie
_MAGIC = b"Sym1"
_ORDER_BYTES = 3
_AT_ONCE = 4096
_NEAR = 8  # entries: clang's LTO sorts by the first half of some names
_PLAIN = tuple(bytes([value]) for value in range(256))
_MOST_NAME_BYTES = 512
MOST_SYMBOLS = 2_000_000
# Where a part of the kernel ends: nothing is named after it.
_ENDS = frozenset(("_etext", "_einittext", "__bss_stop", "_end", "__brk_limit"))


class Packed(NamedTuple):
    """Names as the kernel packs them: a length (of one byte, or two), and numbers of ``tokens``; a type letter comes first.

    ``order`` has the symbols' numbers in the order of their names, 3 bytes each, big endian.
    """

    names: bytes
    starts: "array[int]"
    tokens: tuple[bytes, ...]
    order: bytes

    def entry(self, index: int) -> bytes:
        """A symbol's type letter and its name."""
        at = self.starts[index]
        length = self.names[at]
        if length & 0x80:
            at += 1
            length = length & 0x7F | self.names[at] << 7
        tokens = self.tokens
        return b"".join([tokens[code] for code in self.names[at + 1 : at + 1 + min(length, _MOST_NAME_BYTES)]])

    def entries(self) -> Iterator[bytes]:
        """All symbols' type letters and names: each some four times as fast as one by one."""
        if not self.starts:
            return
        if any(b"\n" in token for token in self.tokens):
            yield from map(self.entry, range(len(self.starts)))
            return
        table = (*self.tokens, b"\n", b"")
        ends = [*self.starts[_AT_ONCE::_AT_ONCE], self._end()]
        for number, end in enumerate(ends):
            yield from self._expanded(self.starts[number * _AT_ONCE : (number + 1) * _AT_ONCE], end, table)

    def _end(self) -> int:
        """Where the last name ends: its length counts, for other things lie behind it."""
        at = self.starts[-1] if self.starts else 0
        length = self.names[at]
        return at + 1 + length if not length & 0x80 else at + 2 + (length & 0x7F | self.names[at + 1] << 7)

    def _expanded(self, starts: "array[int]", end: int, table: tuple[bytes, ...]) -> list[bytes]:
        """Put a line's end in each length's place, and nothing in its second byte's."""
        first = starts[0]
        codes = [*self.names[first:end], 257]
        for start in starts:
            if codes[start - first] & 0x80:
                codes[start - first + 1] = 257
            codes[start - first] = 256
        return b"".join([table[code] for code in codes]).split(b"\n")[1 : len(starts) + 1]

    def nth(self, place: int) -> int:
        """The number of the symbol at a place in the order of names."""
        return int.from_bytes(self.order[_ORDER_BYTES * place : _ORDER_BYTES * (place + 1)], "big")


class Symbols:
    """The kernel's symbol table: sorted addresses (numbers of 64 bits), a name and a type letter for each."""

    def __init__(self, addresses: Sequence[int], names: Sequence[str], types: str) -> None:
        order = sorted(range(len(addresses)), key=addresses.__getitem__)
        entries = [(types[i] + names[i]).encode("utf-8", "surrogateescape")[:_MOST_NAME_BYTES] for i in order]
        self._set(array("Q", (addresses[i] for i in order)), packed_plainly(entries))

    @classmethod
    def of(cls, addresses: "array[int]", packed: Packed, names_at: int) -> "Symbols":
        """Take a table as it is, whose packed names lie at ``names_at`` in the kernel's memory.

        Raises ``Unreadable`` where its parts do not fit each other, or it is not sorted by address.
        """
        if not len(addresses) * _ORDER_BYTES == len(packed.starts) * _ORDER_BYTES == len(packed.order):
            raise Unreadable("the symbols' tables do not fit each other")
        if not is_sorted(addresses):
            raise Unreadable("the symbols are not sorted by their addresses")
        symbols = cls.__new__(cls)
        symbols._set(addresses, packed)  # noqa: SLF001 - its own
        symbols.names_at = names_at
        return symbols

    def _set(self, addresses: "array[int]", packed: Packed) -> None:
        self.addresses = addresses
        self._packed = packed
        self.names_at = 0
        self._known: dict[str, int | None] = {}
        self._named: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self.addresses)

    def __iter__(self) -> Iterator[tuple[int, str, str]]:
        """Each symbol's address, type letter and name, in the order of ``/proc/kallsyms``."""
        for address, entry in zip(self.addresses, self._packed.entries(), strict=False):
            text = _text(entry)
            yield address, text[:1], text[1:]

    def get(self, name: str) -> int | None:
        """The address of a symbol; of several with one name, the first."""
        if name not in self._known:
            index = self._index(name.encode("utf-8", "surrogateescape"))
            self._known[name] = None if index is None else self.addresses[index]
        return self._known[name]

    def _index(self, name: bytes) -> int | None:
        """Search the order of names; also a little further on, where clang has sorted by the first half of a name only."""
        low, high, packed = 0, len(self), self._packed
        while low < high:
            middle = (low + high) // 2
            if self._name_at(middle) < name:
                low = middle + 1
            else:
                high = middle
        for place in range(low, min(low + _NEAR, len(self))):
            if self._name_at(place) == name:
                return packed.nth(place)
        return None

    def _name_at(self, place: int) -> bytes:
        index = self._packed.nth(place)
        return self._packed.entry(index)[1:] if index < len(self) else b""

    def __getitem__(self, name: str) -> int:
        """The address of a symbol. Raises ``Unreadable`` where this kernel has none of that name."""
        address = self.get(name)
        if address is None:
            raise Unreadable(f"this kernel has no symbol {name}")
        return address

    def at(self, address: int) -> tuple[str, int] | None:
        """The symbol that an address lies in or behind, and how far; ``None`` outside of the kernel's image (a module, say).

        Of several at one address it is the first, as the kernel itself has it.
        """
        first, end = self._image()
        if not first <= address < end:
            return None
        start = self.addresses[bisect.bisect_right(self.addresses, address) - 1]
        name = self.name(bisect.bisect_left(self.addresses, start))
        return None if name in _ENDS else (name, address - start)

    def name(self, index: int) -> str:
        """The name of a symbol by its number in the order of addresses."""
        if index not in self._named:
            self._named[index] = _text(self._packed.entry(index)[1:])
        return self._named[index]

    def _image(self) -> tuple[int, int]:
        """From where to where the kernel's image goes; from the first symbol to the last where it does not say."""
        if not self.addresses:
            return 0, 0
        first, end = self.get("_text"), self.get("_end")
        return self.addresses[0] if first is None else first, self.addresses[-1] + 1 if end is None else end

    def is_text(self, address: int) -> bool:
        """Whether an address is in the kernel's own code."""
        first, end = self.get("_stext"), self.get("_etext")
        return first is not None and end is not None and first <= address < end

    @property
    def names(self) -> bytes:
        """All names as they are packed."""
        return self._packed.names

    def pack(self) -> bytes:
        """The table as bytes, to be kept: what is unpacked from it knows the same."""
        names, starts, tokens, order = self._packed
        listed = b"".join(bytes([len(token)]) + token for token in tokens)
        head = _HEAD.pack(_MAGIC, len(self), len(listed), len(names), self.names_at)
        return b"".join((head, self.addresses.tobytes(), starts.tobytes(), order, listed, names))

    @classmethod
    def unpack(cls, data: bytes) -> "Symbols":
        """Read what ``pack`` gave. Raises ``Unreadable`` for anything else; what it holds is no more to be trusted than a guest."""
        if len(data) < _HEAD.size:
            raise Unreadable("the kept symbols are cut short")
        magic, count, token_bytes, name_bytes, names_at = _HEAD.unpack_from(data)
        cuts = [_HEAD.size]
        for size in (8 * count, 4 * count, _ORDER_BYTES * count, token_bytes, name_bytes):
            cuts.append(cuts[-1] + size)
        if magic != _MAGIC or count > MOST_SYMBOLS or cuts[-1] != len(data):
            raise Unreadable("the kept symbols are not whole")
        addresses, starts = array("Q", data[cuts[0] : cuts[1]]), array("I", data[cuts[1] : cuts[2]])
        names = data[cuts[4] :]
        if not is_sorted(starts) or (starts and starts[-1] >= len(names) - 1):
            raise Unreadable("the kept symbols' names are not whole")
        packed = Packed(names, starts, _listed(data[cuts[3] : cuts[4]]), data[cuts[2] : cuts[3]])
        return cls.of(addresses, packed, names_at)


def is_sorted(addresses: "array[int]") -> bool:
    """Whether addresses never fall."""
    return all(map(operator.le, addresses, islice(addresses, 1, None)))


def packed_plainly(entries: Sequence[bytes]) -> Packed:
    """Pack entries (type letter and name), each byte its own token."""
    starts, names = array("I"), bytearray()
    for entry in entries:
        starts.append(len(names))
        names += bytes([len(entry) & 0x7F | 0x80, len(entry) >> 7]) + entry
    return Packed(bytes(names) + b"\0", starts, _PLAIN, order_of(entries))


def order_of(entries: Sequence[bytes]) -> bytes:
    """Entries' numbers in the order of their names, as ``Packed`` has it."""
    names = [entry[1:] for entry in entries]
    order = array("I", sorted(range(len(names)), key=names.__getitem__))
    order.byteswap()
    numbers, packed = order.tobytes(), bytearray(_ORDER_BYTES * len(names))
    for byte in range(_ORDER_BYTES):
        packed[byte::_ORDER_BYTES] = numbers[byte + 1 :: 4]
    return bytes(packed)


def _listed(data: bytes) -> tuple[bytes, ...]:
    tokens, at = [], 0
    while at < len(data):
        tokens.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    if len(tokens) != 256:
        raise Unreadable("the kept symbols' tokens are not whole")
    return tuple(tokens)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
