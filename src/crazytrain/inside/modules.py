"""The guest kernel's modules: where their code lies, and their ORC tables."""

import struct
from typing import NamedTuple

from crazytrain.inside.generations import MODULE_CODE, first
from crazytrain.inside.kernel import Field, Kernel
from crazytrain.model.guest_memory import Unreadable

_MOST_MODULES = 1024
_MOST_BYTES = 256 << 20
_ORC = ("orc_unwind_ip", "orc_unwind", "num_orcs")  # members of struct mod_arch_specific
_LOWEST = 0xFFFF_FFFF_8000_0000  # code lies in the last 2 GiB, where a call reaches it
_U64 = struct.Struct("<Q")
_U32 = struct.Struct("<I")


class Module(NamedTuple):
    """A module's code, and its ORC table (``orc_count`` 0: it has none)."""

    name: str
    start: int
    size: int
    orc_addresses: int
    orc_entries: int
    orc_count: int


class _Shape(NamedTuple):
    """Where the members of ``struct module`` lie."""

    following: int
    name: Field
    base: int
    size: int
    orc_addresses: int
    orc_entries: int
    orc_count: int
    length: int


def modules_of(kernel: Kernel) -> tuple[Module, ...]:
    """Read the list of modules, as far as it can be read: it may change under us, and may be a lie. Raises ``Unreadable``."""
    shape = _shape(kernel)
    head = kernel.symbols["modules"]
    found: list[Module] = []
    seen: set[int] = set()
    at = kernel.space.u64(head)
    while at != head and at not in seen and len(seen) < _MOST_MODULES:
        seen.add(at)
        try:
            data = kernel.space.read(at - shape.following, shape.length)
        except Unreadable:
            break
        module = _module(shape, data)
        if module:
            found.append(module)
        (at,) = _U64.unpack_from(data, shape.following)
    return tuple(found)


def _shape(kernel: Kernel) -> _Shape:
    base, size = _code(kernel)
    field = kernel.layout.field
    addresses, entries, count = (field("module", f"arch.{name}").offset for name in _ORC)
    following, name = field("module", "list").offset, field("module", "name")
    name = Field(name.offset, min(name.size, 64))
    ends = (following + 8, name.offset + name.size, base + 8, size + 4, addresses + 8, entries + 8, count + 4)
    return _Shape(following, name, base, size, addresses, entries, count, max(ends))


def _code(kernel: Kernel) -> tuple[int, int]:
    """Where the address and the size of a module's code lie in its structure."""

    def ask(way: tuple[str, str, str, str]) -> Field:
        member, struct, base, size = way
        start = kernel.layout.field("module", member).offset
        return Field(*(start + kernel.layout.field(struct, name).offset for name in (base, size)))

    return first(MODULE_CODE, ask)


def _module(shape: _Shape, data: bytes) -> Module | None:
    (start,) = _U64.unpack_from(data, shape.base)
    (size,) = _U32.unpack_from(data, shape.size)
    if start < _LOWEST or not 0 < size <= _MOST_BYTES:
        return None
    raw = data[shape.name.offset : shape.name.offset + shape.name.size]
    return Module(
        name=raw.split(b"\0")[0].decode("utf-8", "backslashreplace"),
        start=start,
        size=size,
        orc_addresses=_U64.unpack_from(data, shape.orc_addresses)[0],
        orc_entries=_U64.unpack_from(data, shape.orc_entries)[0],
        orc_count=_U32.unpack_from(data, shape.orc_count)[0],
    )
