"""The guest's kernel, once it is found: its memory, its symbols, the layout of its structures."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol, TypeVar

from crazytrain.inside.memory import Memory
from crazytrain.inside.paging import AddressSpace
from crazytrain.inside.symbols import Symbols
from crazytrain.model.facts.inside import GuestKernel

T = TypeVar("T")


class Field(NamedTuple):
    """Where a member lies in its structure, and its size, in bytes."""

    offset: int
    size: int


class Bits(NamedTuple):
    """A member as a number: ``size`` bytes at ``offset``, of which ``width`` bits from bit ``shift`` on."""

    offset: int
    size: int
    shift: int
    width: int


class Layout(Protocol):
    """The layout of the kernel's structures. Asking for what this kernel has not raises ``Unreadable``."""

    def field(self, struct: str, path: str) -> Field:
        """Give a member by its path (``se.sum_exec_runtime``); members of anonymous ones count as the structure's own."""
        ...

    def size(self, struct: str) -> int:
        """Give the size of a structure in bytes."""
        ...

    def bits(self, struct: str, path: str) -> Bits:
        """Give a member as a number, a bit-field too."""
        ...

    def value(self, enum: str, name: str) -> int:
        """Give the number of an enumerator."""
        ...


class Kernel:
    """A kernel that was found: ``space`` is its own address space, which no process takes along when it ends.

    ``notes`` is what it keeps for its own crash dump (VMCOREINFO), by name; empty where it keeps none.
    """

    def __init__(
        self,
        memory: Memory,
        space: AddressSpace,
        symbols: Symbols,
        layout: Layout,
        about: GuestKernel,
        notes: Mapping[str, str] | None = None,
    ) -> None:
        self.memory = memory
        self.space = space
        self.symbols = symbols
        self.layout = layout
        self.about = about
        self.notes = dict(notes or {})
        self._learnt: dict[type[object], object] = {}

    def learnt(self, kind: type[T], learn: Callable[["Kernel"], T]) -> T:
        """Give what was found out about this kernel before, or find it out; one thing of each type, gone with the kernel."""
        known = self._learnt.get(kind)
        if not isinstance(known, kind):
            known = self._learnt[kind] = learn(self)
        return known

    def per_cpu(self, address: int, cpu: int) -> int:
        """Where a per-CPU variable (``address``: its symbol's) lies for one CPU."""
        offset = self.space.u64(self.symbols["__per_cpu_offset"] + 8 * cpu)
        return (address + offset) & 0xFFFF_FFFF_FFFF_FFFF
