"""Find the guest's kernel in its RAM: from what was kept, by the vCPUs' page tables, by its crash note, by its symbols' look."""

from collections.abc import Iterator, Sequence

from crazytrain.inside import find_cached
from crazytrain.inside.banner import release_and_version
from crazytrain.inside.find_banners import find_banners
from crazytrain.inside.find_cached import Kept
from crazytrain.inside.find_image import Piece
from crazytrain.inside.find_root import Found, Root, kernel_at, roots_of, runs_now
from crazytrain.inside.find_scan import roots_in_ram
from crazytrain.inside.kernel import Kernel
from crazytrain.inside.layout import WarmLayout, layout_of
from crazytrain.inside.memory import Memory
from crazytrain.inside.paging import AddressSpace
from crazytrain.inside.registers import CpuRegisters
from crazytrain.inside.symbols import Symbols
from crazytrain.inside.vmcoreinfo import vmcoreinfo_of
from crazytrain.model.facts.inside import FoundBy, GuestKernel
from crazytrain.model.guest_memory import Unreadable

__all__ = ["find_banners", "find_kernel", "keep"]


def find_kernel(memory: Memory, registers: Sequence[CpuRegisters] = (), cached: bytes = b"") -> tuple[Kernel, bytes]:
    """Find the Linux kernel that runs in the guest, and what to keep for the next time (empty: what was kept still holds).

    ``cached`` is what an earlier call gave, or ``keep``. Without ``registers`` the whole RAM may be looked through, and a kernel
    from before a reboot may be taken for alive. Raises ``Unreadable`` with the reason of each way that failed.
    """
    roots = roots_of(registers)
    kept = _kept(memory, registers, cached) if roots or not registers else None
    if kept:
        return _kernel(memory, kept, cached=True), b""
    if registers and not roots:
        raise Unreadable("no vCPU is in 64-bit mode: firmware, a boot loader, or a system of 32 bits")
    found, found_by = _search(memory, registers)
    fresh = Kept(found, found_by, b"")
    return _kernel(memory, fresh, cached=False), find_cached.keep(found, found_by)


def keep(kernel: Kernel) -> bytes:
    """All that is worth keeping of a kernel once it was read: its symbols, and what its layout was asked."""
    about = kernel.about
    root = Root(kernel.space.root, kernel.space.levels)
    layout = kernel.layout.pack() if isinstance(kernel.layout, WarmLayout) else b""
    return find_cached.keep(Found(root, kernel.symbols, about.banner), about.found_by, layout)


def _kept(memory: Memory, registers: Sequence[CpuRegisters], cached: bytes) -> Kept | None:
    if not cached:
        return None
    try:
        kept = find_cached.unpack(cached)
        find_cached.check(memory, kept, registers)
    except Unreadable:
        return None
    return kept


def _search(memory: Memory, registers: Sequence[CpuRegisters]) -> tuple[Found, FoundBy]:
    """Try each way in turn. A kernel that no vCPU's page tables map is not the one that runs."""
    troubles: list[str] = []
    known: dict[Piece, Symbols | None] = {}
    for root, found_by in _ways(memory, roots_of(registers)):
        try:
            found = kernel_at(memory, root, known)
            if found_by is FoundBy.PAGE_TABLE or runs_now(memory, found, registers):
                return found, found_by
            troubles.append("a kernel lies in RAM, but no vCPU uses it: what ran before, or a copy")
        except Unreadable as error:
            troubles.append(str(error))
    raise Unreadable("; ".join(dict.fromkeys(troubles)) or "no Linux kernel was found in the guest's RAM")


def _ways(memory: Memory, roots: list[Root]) -> Iterator[tuple[Root, FoundBy]]:
    for root in roots:
        yield root, FoundBy.PAGE_TABLE
    yield from roots_in_ram(memory)


def _kernel(memory: Memory, kept: Kept, *, cached: bool) -> Kernel:
    found = kept.found
    space = AddressSpace(memory, *found.root)
    release, version = release_and_version(found.banner)
    about = GuestKernel(
        system="Linux",
        banner=found.banner,
        release=release,
        version=version,
        found_by=kept.found_by,
        text=found.symbols.get("_text") or 0,
        symbols=len(found.symbols),
        types="BTF" if found.symbols.get("__start_BTF") else "derived",
        page_levels=space.levels,
        cached=cached,
    )
    notes = _notes(space, found)
    layout = layout_of(space, found.symbols, notes, kept.layout)
    return Kernel(memory, space, found.symbols, layout, about, notes)


def _notes(space: AddressSpace, found: Found) -> dict[str, str]:
    try:
        return vmcoreinfo_of(space, found.symbols)
    except Unreadable:
        return {}
