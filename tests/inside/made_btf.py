"""BTF blobs, written from a description of structures."""

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

INT, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF, VOLATILE, CONST = range(1, 11)
FUNC, PROTO, VAR, DATASEC = 12, 13, 14, 15


class M(NamedTuple):
    """A member: its name (empty: anonymous), its type by name, its offset; of a bit-field its first bit in that and its width."""

    name: str
    type: str
    offset: int
    bit: int = 0
    width: int = 0


class BtfWriter:
    """Types are written one after the other; a type is referred to by name, ``*`` for a pointer, ``name[3]`` for an array."""

    def __init__(self) -> None:
        self.types: list[bytes] = []
        self.strings = bytearray(b"\0")
        self.ids: dict[str, int] = {}
        self._names: dict[str, int] = {"": 0}
        for name, size in (("u8", 1), ("u16", 2), ("u32", 4), ("u64", 8), ("char", 1)):
            self.ids[name] = self._add(name, INT, 0, size, struct.pack("<I", 8 * size))
        self.ids["*"] = self._add("", PTR, 0, 0)

    def name(self, text: str) -> int:
        if text not in self._names:
            self._names[text] = len(self.strings)
            self.strings += text.encode() + b"\0"
        return self._names[text]

    def _add(self, name: str, kind: int, count: int, size: int, more: bytes = b"", *, flag: bool = False) -> int:
        self.types.append(struct.pack("<III", self.name(name), flag << 31 | kind << 24 | count, size) + more)
        return len(self.types)

    def type(self, text: str) -> int:
        """The number of a type; an array is written when it is first asked for."""
        if text not in self.ids and text.endswith("]"):
            inner, count = text[:-1].rsplit("[", 1)
            inner_id = self.type(inner)
            self.ids[text] = self._add("", ARRAY, 0, 0, struct.pack("<III", inner_id, self.ids["u32"], int(count)))
        return self.ids[text]

    def structure(self, name: str, size: int, members: Sequence[M], *, union: bool = False, known_as: str = "") -> None:
        flag = any(member.width for member in members)
        more = b""
        for member in members:
            bit = 8 * member.offset + member.bit
            more += struct.pack("<III", self.name(member.name), self.type(member.type), bit | member.width << 24)
        self.ids[known_as or name] = self._add(name, UNION if union else STRUCT, len(members), size, more, flag=flag)

    def alias(self, name: str, of: str, kind: int = TYPEDEF) -> None:
        self.ids[name] = self._add(name if kind == TYPEDEF else "", kind, 0, self.type(of))

    def enum(self, name: str, values: Mapping[str, int]) -> None:
        more = b"".join(struct.pack("<Ii", self.name(one), value) for one, value in values.items())
        self.ids[name] = self._add(name, ENUM, len(values), 4, more)

    def noise(self) -> None:
        """Types of the kinds that nothing here asks for."""
        proto = self._add("", PROTO, 2, 0, struct.pack("<IIII", 0, self.ids["u32"], 0, 0))
        self._add("some_function", FUNC, 1, proto)
        var = self._add("some_variable", VAR, 0, self.ids["u64"], struct.pack("<I", 0))
        self._add(".data..percpu", DATASEC, 1, 8, struct.pack("<III", var, 0, 8))
        self._add("only_declared", FWD, 0, 0)

    def blob(self) -> bytes:
        types = b"".join(self.types)
        head = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(self.strings))
        return head + types + bytes(self.strings)
