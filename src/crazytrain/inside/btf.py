"""BTF: the types of a kernel as it carries them itself (linux/include/uapi/linux/btf.h), over bytes that nobody vouches for.

Nothing is copied or named beforehand: one walk over the headers notes where each type begins, and a name that is asked for is
searched in the string table.
"""

import struct
from array import array
from collections.abc import Iterator
from typing import NamedTuple

from crazytrain.inside.kernel import Bits
from crazytrain.model.guest_memory import Unreadable

_MAGIC = 0xEB9F
_HEADER = struct.Struct("<HBBIIIII")
_MOST_BYTES = 32 << 20
_MOST_TYPES = 1 << 20
_MOST_MEMBERS = 4096
_MOST_ANONYMOUS = 64
_MOST_ALIKE = 8  # types of one name
_MOST_DEPTH = 16

_INT, _PTR, _ARRAY, _STRUCT, _UNION, _ENUM, _TYPEDEF, _DATASEC, _FLOAT, _ENUM64 = 1, 2, 3, 4, 5, 6, 8, 15, 16, 19
_ALIASES = (_TYPEDEF, 9, 10, 11, 18)  # and volatile, const, restrict, type tag: the type behind is meant
_SIZED = (_INT, _STRUCT, _UNION, _ENUM, _FLOAT, _ENUM64)
# Words of 4 bytes that follow the three of a header: so many, and so many more for each of its members.
_FIXED = {_INT: 1, _ARRAY: 3, 14: 1, 17: 1}
_EACH = {_STRUCT: 3, _UNION: 3, _ENUM: 2, 13: 2, _DATASEC: 3, _ENUM64: 3}
_NAMED = (_STRUCT, _UNION, _ENUM, _TYPEDEF)
_WORDS = tuple((3 + _FIXED.get(kind, 0), _EACH.get(kind, 0), kind in _NAMED) for kind in range(32))


class _Member(NamedTuple):
    bit: int
    type_id: int
    width: int  # of a bit-field, else 0


class Btf:
    """The types in a blob of BTF. Whatever is not there, or cannot be, raises ``Unreadable``."""

    def __init__(self, data: bytes) -> None:
        if not _HEADER.size <= len(data) <= _MOST_BYTES:
            raise Unreadable("the kernel's type information has no believable size")
        magic, version, _, header, types, types_size, strings, strings_size = _HEADER.unpack_from(data)
        if magic != _MAGIC or version != 1:
            raise Unreadable("the kernel's type information is no BTF")
        types, strings = header + types, header + strings
        if types % 4 or types + types_size > len(data) or strings + strings_size > len(data):
            raise Unreadable("the kernel's type information is cut")
        self._words = array("I", data[types : types + types_size // 4 * 4])
        self._strings = data[strings : strings + strings_size]
        self._starts = array("I", [0])  # of type N, in words; type 0 is void
        self._heads: dict[int, list[int]] = {}
        self._found: dict[tuple[str, tuple[int, ...]], list[int]] = {}

    # ---- types by name and by number

    def named(self, name: str, kinds: tuple[int, ...] = (_STRUCT, _UNION, _TYPEDEF)) -> list[int]:
        """Where (in words) the types of a name begin: structures, unions and typedefs, unless other ``kinds`` are asked."""
        found = self._found.get((name, kinds))
        if found is None:
            self._index()
            at = self._strings.find(b"\0" + name.encode() + b"\0") + 1
            places = self._heads.get(at, []) if at and name else []
            found = self._found[name, kinds] = [word for word in places if self._kind(word) in kinds][:_MOST_ALIKE]
        return found

    def _start(self, type_id: int) -> int:
        self._index()
        if not 0 < type_id < len(self._starts):
            raise Unreadable("the kernel's type information names a type that it has not")
        return self._starts[type_id]

    def _index(self) -> None:
        """Go through all headers once: where each type begins, and by the place of its name where those with a name of use do."""
        if self._heads:
            return
        words, starts, heads, sizes, at = self._words, self._starts, self._heads, _WORDS, 0
        end = len(words) - 2
        for _ in range(_MOST_TYPES):
            if at >= end:
                break
            starts.append(at)
            info = words[at + 1]
            fixed, each, is_named = sizes[info >> 24 & 31]
            if is_named:
                heads.setdefault(words[at], []).append(at)
            at += fixed + each * (info & 0xFFFF)
        heads.setdefault(0, [])  # there is an index now

    def _kind(self, word: int) -> int:
        return self._words[word + 1] >> 24 & 31

    def _behind(self, word: int) -> int:
        """The type itself, behind typedefs, const and the like."""
        for _ in range(_MOST_DEPTH):
            if self._kind(word) not in _ALIASES:
                return word
            word = self._start(self._words[word + 2])
        raise Unreadable("the kernel's type information goes round in a circle")

    # ---- sizes

    def size(self, name: str) -> int:
        """The size in bytes of a structure, union or typedef."""
        for word in self.named(name):
            size = self._size(word)
            if size:
                return size
        raise Unreadable(f"this kernel has no type {name}")

    def _size(self, word: int) -> int:
        times = 1
        for _ in range(_MOST_DEPTH):
            word = self._behind(word)
            kind = self._kind(word)
            if kind != _ARRAY:
                return times * (8 if kind == _PTR else self._words[word + 2] if kind in _SIZED else 0)
            self._need(word, 6)
            times *= self._words[word + 5]
            word = self._start(self._words[word + 3])
        raise Unreadable("an array of arrays of arrays without an end")

    # ---- members

    def member(self, name: str, path: str) -> Bits:
        """Where a member lies: its path may go through structures (``a.b``) and arrays (``a[2].b``).

        Members of anonymous structures and unions are found as the structure's own.
        """
        why = f"this kernel has no type {name}"
        for word in self.named(name):
            found = self._follow(word, path)
            if found is not None:
                return found
            why = f"this kernel has no {name}.{path}"
        raise Unreadable(why)

    def _follow(self, word: int, path: str) -> Bits | None:
        bit, width = 0, 0
        for step in path.replace("[", ".[").split("."):
            word = self._behind(word)
            found = self._element(word, step) if step[:1] == "[" else self._find(word, step)
            if found is None:
                return None
            bit += found.bit
            width = found.width
            word = self._start(found.type_id)
        size = self._size(word)
        if not width:
            return Bits(bit // 8, size, 0, 8 * size)
        size = min(max(size, 1), 8)
        offset = bit // (8 * size) * size
        return Bits(offset, size, bit - 8 * offset, width)

    def _element(self, word: int, step: str) -> _Member | None:
        self._need(word, 6)
        number = int(step[1:-1])
        if self._kind(word) != _ARRAY or number >= max(self._words[word + 5], 1):
            return None
        inner = self._words[word + 3]
        return _Member(8 * number * self._size(self._start(inner)), inner, 0)

    def _find(self, word: int, name: str) -> _Member | None:
        """Find a member, also in what is anonymous: breadth first, with a bound."""
        queue, wanted = [(word, 0)], name.encode() + b"\0"
        for inner, base in queue:
            for name_at, type_id, bit, width in self._members(self._behind(inner)):
                if not name_at:
                    if len(queue) < _MOST_ANONYMOUS:
                        queue.append((self._start(type_id), base + bit))
                elif self._strings.startswith(wanted, name_at):
                    return _Member(base + bit, type_id, width)
        return None

    def _members(self, word: int) -> Iterator[tuple[int, int, int, int]]:
        """Yield (offset of the name, type, first bit, width of a bit-field) of a structure's members."""
        if self._kind(word) not in (_STRUCT, _UNION):
            return
        info = self._words[word + 1]
        count = min(info & 0xFFFF, _MOST_MEMBERS)
        self._need(word, 3 + 3 * count)
        for at in range(word + 3, word + 3 + 3 * count, 3):
            name, type_id, bit = self._words[at : at + 3]
            if info >> 31:
                yield name, type_id, bit & 0xFF_FFFF, bit >> 24
            else:
                yield name, type_id, bit, 0

    def _need(self, word: int, words: int) -> None:
        if word + words > len(self._words):
            raise Unreadable("the kernel's type information is cut")

    # ---- enumerations

    def value(self, enum: str, name: str) -> int:
        """The number of an enumerator."""
        wanted = name.encode() + b"\0"
        for word in self.named(enum, (_ENUM,)):
            count = min(self._words[word + 1] & 0xFFFF, _MOST_MEMBERS)
            self._need(word, 3 + 2 * count)
            for at in range(word + 3, word + 3 + 2 * count, 2):
                if self._strings.startswith(wanted, self._words[at]):
                    number = self._words[at + 1]
                    return number - (1 << 32) if number >> 31 else number
        raise Unreadable(f"this kernel has no {name} in {enum}")
