"""Where the members of the kernel's structures lie: asked of BTF, else derived; and remembered for the next time.

A kernel of the same build has the same layout, so what one reading asked for (some sixty members) spares the next one the
whole of BTF. What is remembered comes from the guest: it is checked like all else.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from crazytrain.inside.btf import Btf
from crazytrain.inside.derived import Derived
from crazytrain.inside.kernel import Bits, Field
from crazytrain.inside.paging import AddressSpace
from crazytrain.inside.symbols import Symbols
from crazytrain.inside.vmcoreinfo import vmcoreinfo_of
from crazytrain.model.guest_memory import Unreadable

_MOST_PACKED = 64 << 10
_MOST_KNOWN = 2000
_MOST_OFFSET = 16 << 20
_MOST_BTF = 32 << 20

_Key = tuple[str, str, str]


class Types(Protocol):
    """What knows layouts: BTF, or what was derived without it. It is ``lasting`` unless it stands in for what could not be read."""

    source: str
    lasting: bool

    def member(self, name: str, path: str) -> Bits:
        """Give a member of a type by its path. Raises ``Unreadable``."""
        ...

    def size(self, name: str) -> int:
        """Give the size of a type in bytes. Raises ``Unreadable``."""
        ...

    def value(self, enum: str, name: str) -> int:
        """Give the number of an enumerator. Raises ``Unreadable``."""
        ...


class _Packed(msgspec.Struct, frozen=True):
    """What is remembered: how it was known, and each answer by (what was asked, of which type, which member)."""

    source: str
    known: list[tuple[str, str, str, tuple[int, ...]]]


class WarmLayout:
    """A ``Layout`` that answers what it knows from before, and asks ``cold`` for the rest, once it comes to that.

    An answer may be that the kernel has no such thing: that is remembered, too (as no numbers). ``changed``: there is more to
    pack than came.
    """

    def __init__(self, cold: Callable[[], Types], known: bytes = b"") -> None:
        self._cold = cold
        self._types: Types | None = None
        self._source, self._known = _unpack(known)
        self.changed = False

    @property
    def source(self) -> str:
        """Where the layout comes from: "BTF" or "derived"."""
        return self._source or self._asked().source

    def _asked(self) -> Types:
        if self._types is None:
            self._types = self._cold()
            self._source = self._types.source
        return self._types

    def field(self, struct: str, path: str) -> Field:
        """See ``Layout.field``. Of a bit-field: the bytes that hold it."""
        found = self.bits(struct, path)
        return Field(found.offset, found.size)

    def bits(self, struct: str, path: str) -> Bits:
        """A member as a number, bit-fields too. Raises ``Unreadable``."""
        key = ("m", struct, path)
        if key not in self._known:
            self._remember(key, lambda types: tuple(types.member(struct, path)))
        numbers = self._known[key]
        if len(numbers) != 4:
            raise self._lacks(f"{struct}.{path}")
        return Bits(*numbers)

    def size(self, struct: str) -> int:
        """See ``Layout.size``."""
        return self._number(("s", struct, ""), lambda types: (types.size(struct),), f"type {struct}")

    def value(self, enum: str, name: str) -> int:
        """The number of an enumerator. Raises ``Unreadable``."""
        return self._number(("e", enum, name), lambda types: (types.value(enum, name),), f"{name} in {enum}")

    def _number(self, key: _Key, ask: Callable[[Types], tuple[int, ...]], what: str) -> int:
        if key not in self._known:
            self._remember(key, ask)
        numbers = self._known[key]
        if len(numbers) != 1:
            raise self._lacks(what)
        return numbers[0]

    def _lacks(self, what: str) -> Unreadable:
        if self.source == "BTF":
            return Unreadable(f"this kernel has no {what}")
        return Unreadable(f"{what} cannot be told, for this kernel carries no type information")

    def _remember(self, key: _Key, ask: Callable[[Types], tuple[int, ...]]) -> None:
        types = self._asked()
        try:
            numbers = ask(types)
        except Unreadable:
            numbers = ()
        except (IndexError, ValueError, OverflowError) as error:
            raise Unreadable("the kernel's type information is broken") from error
        if any(number > _MOST_OFFSET for number in numbers):
            raise Unreadable("the kernel's type information names a place that cannot be")
        self._known[key] = numbers
        self.changed = True

    def pack(self) -> bytes:
        """All that was asked, to be kept with the symbols of this build. Empty where that is not sensible."""
        if self._types is not None and not self._types.lasting:
            return b""
        known = [(*key, numbers) for key, numbers in self._known.items()]
        data = msgspec.json.encode(_Packed(self._source, known))
        return data if len(data) <= _MOST_PACKED and len(known) <= _MOST_KNOWN else b""


def _unpack(data: bytes) -> tuple[str, dict[_Key, tuple[int, ...]]]:
    """What was packed; nothing where that is not what it should be."""
    if not data or len(data) > _MOST_PACKED:
        return "", {}
    try:
        packed = msgspec.json.decode(data, type=_Packed)
    except msgspec.DecodeError:
        return "", {}
    known = {(what, struct, path): numbers for what, struct, path, numbers in packed.known}
    believed = all(_fits(key[0], numbers) for key, numbers in known.items()) and len(known) <= _MOST_KNOWN
    return (packed.source[:16], known) if believed and packed.source else ("", {})


def _fits(what: str, numbers: tuple[int, ...]) -> bool:
    if not numbers or what == "e":
        return len(numbers) <= 1
    fits = all(0 <= number <= _MOST_OFFSET for number in numbers)
    return fits and len(numbers) == (4 if what == "m" else 1)


class _BtfTypes(Btf):
    source, lasting = "BTF", True


def layout_of(
    space: AddressSpace, symbols: Symbols, notes: Mapping[str, str] | None = None, known: bytes = b""
) -> WarmLayout:
    """The layout of a kernel's structures. Nothing is read until something is asked that ``known`` (``pack``) has not.

    ``notes`` is VMCOREINFO, read from the kernel where it is not given.
    """
    return WarmLayout(lambda: _types(space, symbols, notes), known)


def _types(space: AddressSpace, symbols: Symbols, notes: Mapping[str, str] | None) -> Types:
    start, stop = symbols.get("__start_BTF"), symbols.get("__stop_BTF")
    if start is not None and stop is not None and 0 < stop - start <= _MOST_BTF:
        try:
            return _BtfTypes(space.read(start, stop - start))
        except Unreadable:  # for now it is as if there were none
            return Derived(space, symbols, notes or _notes(space, symbols), lasting=False)
    return Derived(space, symbols, notes or _notes(space, symbols), lasting=True)


def _notes(space: AddressSpace, symbols: Symbols) -> Mapping[str, str]:
    try:
        return vmcoreinfo_of(space, symbols)
    except Unreadable:
        return {}
