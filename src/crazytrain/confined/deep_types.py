"""A guest kernel's BTF as drgn types: for the prompt of ``crazytrain inside --shell``. Types are made when they are asked for."""

import struct
from array import array
from collections.abc import Callable, Iterator

from drgn import (
    Object,
    Program,
    Qualifiers,
    Type,
    TypeEnumerator,
    TypeKind,
    TypeKindSet,
    TypeMember,
    TypeParameter,
)

from crazytrain.model.guest_memory import Unreadable

_MAGIC = 0xEB9F
_HEADER = struct.Struct("<HBBIIIII")
_WORDS = struct.Struct("<III")
_MOST_TYPES = 1 << 20
_MOST_DEPTH = 64  # of types that stand for each other: the guest could make them a circle
_INT, _PTR, _ARRAY, _STRUCT, _UNION, _ENUM, _FWD, _TYPEDEF, _VOLATILE, _CONST, _RESTRICT = range(1, 12)
_FUNC, _PROTO, _VAR, _DATASEC, _FLOAT, _DECL_TAG, _TYPE_TAG, _ENUM64 = range(12, 20)
_FIXED = {_INT: 4, _ARRAY: 12, _VAR: 4, _DECL_TAG: 4}
_EACH = {_STRUCT: 12, _UNION: 12, _ENUM: 8, _PROTO: 8, _DATASEC: 12, _ENUM64: 12}
_QUALIFIERS = {_VOLATILE: Qualifiers.VOLATILE, _CONST: Qualifiers.CONST, _RESTRICT: Qualifiers.RESTRICT}
_KINDS = {
    TypeKind.INT: (_INT,),
    TypeKind.BOOL: (_INT,),
    TypeKind.FLOAT: (_FLOAT,),
    TypeKind.STRUCT: (_STRUCT,),
    TypeKind.UNION: (_UNION,),
    TypeKind.ENUM: (_ENUM, _ENUM64),
    TypeKind.TYPEDEF: (_TYPEDEF,),
}
_SIGNED, _BOOL = 1, 4  # of an integer's encoding


class DeepTypes:
    """The types of one kernel. Raises ``Unreadable`` where the blob is no BTF; a type that cannot be made raises it, too."""

    def __init__(self, program: Program, data: bytes) -> None:
        self._program = program
        magic, version, _, header, types, types_bytes, strings, strings_bytes = _HEADER.unpack_from(data)
        if magic != _MAGIC or version != 1 or header + max(types + types_bytes, strings + strings_bytes) > len(data):
            raise Unreadable("the kernel's type information is no BTF")
        self._types = data[header + types : header + types + types_bytes]
        self._strings = data[header + strings : header + strings + strings_bytes]
        self._starts = array("I", (0,))
        self._named: dict[tuple[int, int], int] = {}
        self._made: dict[int, Type] = {}
        self._constants: dict[int, int] = {}
        self._make: dict[int, Callable[[int], Type]] = {
            _INT: self._integer,
            _PTR: lambda number: program.pointer_type(self.type(self._word(number))),
            _ARRAY: self._array,
            _STRUCT: self._compound,
            _UNION: self._compound,
            _ENUM: self._enum,
            _ENUM64: self._enum,
            _FWD: self._forward,
            _TYPEDEF: lambda number: program.typedef_type(self._name(number), self.type(self._word(number))),
            _FUNC: lambda number: self.type(self._word(number)),
            _PROTO: self._function,
            _VAR: lambda number: self.type(self._word(number)),
            _FLOAT: lambda number: program.float_type(self._name(number), self._word(number)),
            _TYPE_TAG: lambda number: self.type(self._word(number)),
        }
        self._depth = 0
        self._index()

    def _index(self) -> None:
        """Walk the headers once: where each type begins, and the first of each kind and name."""
        at = 0
        while at + _WORDS.size <= len(self._types) and len(self._starts) < _MOST_TYPES:
            name, info, _ = _WORDS.unpack_from(self._types, at)
            kind = info >> 24 & 0x1F
            if name:
                self._named.setdefault((kind, name), len(self._starts))
            self._starts.append(at)
            at += _WORDS.size + _FIXED.get(kind, 0) + _EACH.get(kind, 0) * (info & 0xFFFF)

    def find(self, _program: Program, kinds: TypeKindSet, name: str, _filename: str | None) -> Type | None:
        """The finder that drgn calls."""
        for kind, ours in _KINDS.items():
            for one in ours if kind in kinds else ():
                number = self._number(one, name)
                if number is not None and (made := self.type(number)).kind is kind:
                    return made
        return None

    def of(self, name: str, kind: int = _FUNC) -> Type | None:
        """The type of a function (or, with ``kind`` 14, of a per-CPU variable)."""
        number = self._number(kind, name)
        return None if number is None else self.type(number)

    def variable(self, name: str) -> Type | None:
        """The type of a per-CPU variable: BTF knows no others."""
        return self.of(name, _VAR)

    def constant(self, name: str) -> Object | None:
        """An enumerator by its name."""
        at = self._strings.find(b"\0" + name.encode() + b"\0")
        if not self._constants:
            for number in range(1, len(self._starts)):
                if self._kind(number) in (_ENUM, _ENUM64):
                    self._constants.update((one[0], number) for one in self._each(number, self._form(number)))
        found = self._constants.get(at + 1) if at >= 0 and name else None
        if found is None:
            return None
        made = self.type(found)
        value = next((one.value for one in made.enumerators or () if one.name == name), None)
        return None if value is None else Object(self._program, made, value)

    def _number(self, kind: int, name: str) -> int | None:
        at = self._strings.find(b"\0" + name.encode() + b"\0")
        return self._named.get((kind, at + 1)) if at >= 0 and name else None

    def type(self, number: int) -> Type:
        """The type of a number; 0 is void."""
        if number == 0:
            return self._program.void_type()
        known = self._made.get(number)
        if known is not None:
            return known
        if not 0 < number < len(self._starts):
            raise Unreadable(f"there is no type {number}")
        self._depth += 1
        try:
            if self._depth > _MOST_DEPTH:
                raise Unreadable("types stand for each other without end")
            made = self._made[number] = self._of_kind(number)
        finally:
            self._depth -= 1
        return made

    def _of_kind(self, number: int) -> Type:
        kind = self._info(number) >> 24 & 0x1F
        if kind in _QUALIFIERS:
            inner = self.type(self._word(number))
            return inner.qualified(inner.qualifiers | _QUALIFIERS[kind])
        make = self._make.get(kind)
        if make is None:
            raise Unreadable(f"type {number} is of a kind that is not known ({kind})")
        return make(number)

    def _info(self, number: int) -> int:
        return int(_WORDS.unpack_from(self._types, self._starts[number])[1])

    def _word(self, number: int) -> int:
        """The third word of a header: a size, or the number of another type."""
        return int(_WORDS.unpack_from(self._types, self._starts[number])[2])

    def _name(self, number: int) -> str:
        return self._string(_WORDS.unpack_from(self._types, self._starts[number])[0]) or "?"

    def _string(self, at: int) -> str:
        end = self._strings.find(b"\0", at)
        return self._strings[at:end].decode("utf-8", "backslashreplace") if 0 < at < end else ""

    def _tag(self, number: int) -> str | None:
        return self._string(_WORDS.unpack_from(self._types, self._starts[number])[0]) or None

    def _each(self, number: int, form: str) -> Iterator[tuple[int, ...]]:
        size = struct.calcsize(form)
        at = self._starts[number] + _WORDS.size
        for place in range(self._info(number) & 0xFFFF):
            yield struct.unpack_from(form, self._types, at + size * place)

    def _integer(self, number: int) -> Type:
        (encoding,) = struct.unpack_from("<I", self._types, self._starts[number] + _WORDS.size)
        name, size = self._name(number), self._word(number)
        if encoding >> 24 & _BOOL:
            return self._program.bool_type(name, size)
        return self._program.int_type(name, size, bool(encoding >> 24 & _SIGNED))

    def _array(self, number: int) -> Type:
        element, _, count = _WORDS.unpack_from(self._types, self._starts[number] + _WORDS.size)
        return self._program.array_type(self.type(element), count)

    def _compound(self, number: int) -> Type:
        make = self._program.struct_type if self._kind(number) == _STRUCT else self._program.union_type
        fields = bool(self._info(number) >> 31)  # then a member's place tells the width of a bit-field, too
        members = [self._member(one, fields=fields) for one in self._each(number, "<III")]
        return make(self._tag(number), self._word(number), members)

    def _kind(self, number: int) -> int:
        return self._info(number) >> 24 & 0x1F

    def _member(self, one: tuple[int, ...], *, fields: bool) -> TypeMember:
        name, number, place = one
        width = place >> 24 if fields else 0

        def made() -> Object | Type:
            inner = self.type(number)
            return Object(self._program, inner, bit_field_size=width) if width else inner

        return TypeMember(made, self._string(name) or None, place & 0xFFFFFF if fields else place)

    def _enum(self, number: int) -> Type:
        signed, wide = bool(self._info(number) >> 31), self._kind(number) == _ENUM64
        size = self._word(number)
        each_one = self._each(number, self._form(number))
        low = ((name, value, rest[0] if rest else 0) for name, value, *rest in each_one)
        bits = 64 if wide else 32
        values = ((name, value | high << 32) for name, value, high in low)
        each = [
            TypeEnumerator(self._string(name), value - (1 << bits) if signed and value >> bits - 1 else value)
            for name, value in values
        ]
        sign = "" if signed else "unsigned "
        basic = self._program.int_type(sign + {1: "char", 2: "short", 8: "long"}.get(size, "int"), size, signed)
        return self._program.enum_type(self._tag(number), basic, each)

    def _form(self, number: int) -> str:
        """How an enumerator lies in the blob: its name and its value, in one or two words."""
        return "<III" if self._kind(number) == _ENUM64 else "<II"

    def _forward(self, number: int) -> Type:
        make = self._program.union_type if self._info(number) >> 31 else self._program.struct_type
        return make(self._tag(number))

    def _function(self, number: int) -> Type:
        rows = list(self._each(number, "<II"))
        variadic = bool(rows) and rows[-1] == (0, 0)
        taken = [self._parameter(name, one) for name, one in (rows[:-1] if variadic else rows)]
        return self._program.function_type(self.type(self._word(number)), taken, variadic)

    def _parameter(self, name: int, number: int) -> TypeParameter:
        return TypeParameter(lambda: self.type(number), self._string(name) or None)
