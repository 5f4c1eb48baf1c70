"""From a root of page tables to the kernel's symbols, and to the kernel's own page tables, which outlive every process."""

from collections.abc import Sequence
from typing import NamedTuple

from crazytrain.inside.banner import linux_banner
from crazytrain.inside.find_image import Piece, is_kernel_table, kernel_pieces, read_pieces, spans
from crazytrain.inside.kallsyms import START_KERNEL_MAP, read_symbols
from crazytrain.inside.memory import Memory
from crazytrain.inside.paging import AddressSpace
from crazytrain.inside.registers import CpuRegisters
from crazytrain.inside.symbols import Symbols
from crazytrain.model.guest_memory import Unreadable

_MOST_ROOTS = 16
_USER_TABLES = (
    1 << 12
)  # of CR3, where page tables are kept apart (PTI): this bit is what tells a program's from the kernel's
_ADDRESS = 0x000F_FFFF_FFFF_F000
OWN = ("init_top_pgt", "swapper_pg_dir", "init_level4_pgt")

_NO_SYMBOLS = "the kernel that the page tables map has no symbol table that we know"


class Root(NamedTuple):
    """Page tables that a vCPU uses: where their first one lies, and how many levels they have."""

    address: int
    levels: int


class Found(NamedTuple):
    """A kernel: its own page tables, its symbols, what it says of itself."""

    root: Root
    symbols: Symbols
    banner: str


def roots_of(registers: Sequence[CpuRegisters]) -> list[Root]:
    """The page tables that vCPUs in 64-bit mode use, those in the kernel first; with and without PTI's bit.

    One in SMM is left out: its tables are the firmware's.
    """
    able = [one for one in registers if one.is_long and not one.smm and one.cr3 & _ADDRESS]
    able.sort(key=lambda one: one.cpl)
    roots = [root for one in able for root in _both(one)]
    return list(dict.fromkeys(roots))[:_MOST_ROOTS]


def _both(registers: CpuRegisters) -> list[Root]:
    """Its tables as they are, and the kernel's beside them; a program's are likely to have the bit, the kernel's are not."""
    as_is = Root(registers.cr3 & _ADDRESS, registers.page_levels)
    kernel = as_is._replace(address=as_is.address & ~_USER_TABLES)
    return [kernel, as_is] if registers.cpl else [as_is, kernel]


def kernel_at(memory: Memory, root: Root, known: dict[Piece, Symbols | None]) -> Found:
    """Find the kernel that page tables map. Raises ``Unreadable`` where they map none, or none that has symbols.

    ``root`` is read once and early: its process may end meanwhile. ``known`` remembers symbols by where a kernel begins.
    """
    pieces = kernel_pieces(memory, *root)
    if pieces[0] not in known:
        known[pieces[0]] = _symbols(memory, pieces)
    symbols = known[pieces[0]]
    if symbols is None:
        raise Unreadable(_NO_SYMBOLS)
    space = _own_space(memory, root, symbols, _place(pieces, symbols["linux_banner"]))
    return Found(Root(space.root, space.levels), symbols, linux_banner(space, symbols))


def _symbols(memory: Memory, pieces: list[Piece]) -> Symbols | None:
    for span in spans(pieces):
        try:
            return read_symbols(read_pieces(memory, span), span[0].virtual)
        except Unreadable:
            continue
    return None


def _place(pieces: list[Piece], virtual: int) -> int:
    for piece in pieces:
        if piece.virtual <= virtual < piece.virtual + piece.length:
            return piece.physical + virtual - piece.virtual
    raise Unreadable("the kernel's banner is not mapped")


def _own_space(memory: Memory, root: Root, symbols: Symbols, physical: int) -> AddressSpace:
    """The kernel's own address space, whose banner lies at ``physical``; that of ``root`` where the kernel has none yet: it boots.

    Raises ``Unreadable`` where its tables map another kernel, or it does not say where they are.
    """
    banner = symbols["linux_banner"]
    own = next((at for at in map(symbols.get, OWN) if at is not None), None)
    if own is None or own < START_KERNEL_MAP:
        raise Unreadable("the kernel does not say where its own page tables are")
    space = AddressSpace(memory, own + physical - banner, root.levels)  # the image lies in one piece
    try:
        owns = space.translate(banner)[0]
    except Unreadable:
        return AddressSpace(memory, *root)
    if owns != physical:
        raise Unreadable("the kernel's own page tables map another kernel")
    return space


def runs_now(memory: Memory, found: Found, registers: Sequence[CpuRegisters]) -> bool:
    """Whether the vCPUs run this very kernel; what lay in RAM before the guest rebooted may still be there, whole.

    A vCPU's page tables map it, or they map none any more: their process has ended since. No vCPU known: that is no doubt.
    """
    banner = found.symbols["linux_banner"]
    physical = AddressSpace(memory, *found.root).translate(banner)[0]
    roots = roots_of(registers)
    if any(_maps(memory, root, banner, physical) for root in roots):
        return True
    elsewhere = any(one.cpl == 0 and one.is_long and not one.smm and one.ip < START_KERNEL_MAP for one in registers)
    return not elsewhere and not any(is_kernel_table(memory, *root) for root in roots)


def _maps(memory: Memory, root: Root, virtual: int, physical: int) -> bool:
    try:
        return AddressSpace(memory, *root).translate(virtual)[0] == physical
    except Unreadable:
        return False
