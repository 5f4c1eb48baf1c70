"""Look through all RAM that is there for kernels: by the note for a crash dump, and by what a symbol table looks like.

Only what can be read without making the host fetch or fill a page is looked at, and at most ``MOST_SCANNED`` of it.
"""

from collections.abc import Iterator
from itertools import islice

from crazytrain.inside.find_image import is_kernel_table
from crazytrain.inside.find_root import OWN, Root
from crazytrain.inside.kallsyms import BANNER, START_KERNEL_MAP, read_symbols
from crazytrain.inside.kallsyms_find import DIGITS, tokens_at
from crazytrain.inside.memory import Memory
from crazytrain.inside.symbols import Symbols
from crazytrain.inside.vmcoreinfo import notes_in, number, read_note
from crazytrain.model.facts.inside import FoundBy
from crazytrain.model.guest_memory import PAGE_BYTES, Unreadable

MOST_SCANNED = 6 << 30
_ALL = 1 << 52
_STEP = 1 << 20
_OVERLAP = 512
_MOST_FOUND = 12
_MOST_TRIES = 1024
_AROUND = 16 << 10
_LARGE_BYTES = 2 << 20
_BEFORE, _BEHIND = 24 << 20, 8 << 20  # of a symbol table's tokens: where the rest of it lies, and the banner


def roots_in_ram(memory: Memory) -> Iterator[tuple[Root, FoundBy]]:
    """Yield page tables that may be a kernel's own, in the order in which what leads to them lies in RAM."""
    for address, found_by in islice(_marks(memory), _MOST_FOUND):
        roots = _by_note(memory, address) if found_by is FoundBy.VMCOREINFO else _by_symbols(memory, address)
        for root in roots:
            yield root, found_by


def chunks(memory: Memory, most_bytes: int = MOST_SCANNED) -> Iterator[tuple[int, bytes]]:
    """Yield (address, data) of what is in RAM, from the start of a page each, some more than a MiB: they overlap a little."""
    left = most_bytes
    for start, length in memory.present(0, _ALL):
        for address in range(start, start + length, _STEP):
            size = min(_STEP + _OVERLAP, start + length - address)
            left -= size
            if left < 0:
                return
            try:
                yield address, memory.read(address, size)
            except Unreadable:
                continue


def _marks(memory: Memory) -> Iterator[tuple[int, FoundBy]]:
    """Where a note begins, or a symbol table's tokens for digits."""
    tries = 0
    for address, data in chunks(memory):
        for at in notes_in(data[:_STEP]):
            yield address + at, FoundBy.VMCOREINFO
        at = data.find(DIGITS)
        while at >= 0 and tries < _MOST_TRIES:
            tries += 1
            if _has_tokens(memory, address + at):
                yield address + at, FoundBy.SIGNATURE
            at = data.find(DIGITS, at + 1)


def _has_tokens(memory: Memory, digits: int) -> bool:
    """Whether there is more of a symbol table than its digits."""
    first = max(0, digits - _AROUND) & -PAGE_BYTES
    first, around = _image(memory, first, first + 2 * _AROUND)
    return tokens_at(around, digits - first) is not None


def _by_note(memory: Memory, address: int) -> Iterator[Root]:
    try:
        notes = read_note(memory, address)
    except Unreadable:
        return
    top, start = number(notes, "SYMBOL(swapper_pg_dir)", 16), number(notes, "NUMBER(phys_base)")
    if top is None or start is None or not 0 <= top - START_KERNEL_MAP + start < _ALL:
        return
    five = number(notes, "NUMBER(pgtable_l5_enabled)")
    yield Root(top - START_KERNEL_MAP + start, 5 if five else 4)


def _by_symbols(memory: Memory, tokens: int) -> Iterator[Root]:
    """The kernel's image lies in one piece in RAM: where one symbol's place is known, all are."""
    first = max(0, tokens - _BEFORE) & -_LARGE_BYTES
    first, image = _image(memory, first, (tokens + _BEHIND) & -PAGE_BYTES)
    try:
        symbols = read_symbols(image, first)
    except Unreadable:
        return
    own = next((at for at in map(symbols.get, OWN) if at is not None), None)
    if own is None:
        return
    for shift in _shifts(image, first, symbols):
        for levels in (4, 5):
            if is_kernel_table(memory, own + shift, levels):
                yield Root(own + shift, levels)


def _image(memory: Memory, first: int, end: int) -> tuple[int, bytes]:
    """What is in RAM between, and from where on: without what is not there at its start (by 2 MiB) and its end."""
    runs = list(memory.present(first, end - first))
    if not runs:
        return first, b""
    first = max(first, runs[0][0] & -_LARGE_BYTES)
    image = bytearray(sum(runs[-1]) - first)
    for address, length in runs:
        try:
            image[address - first : address - first + length] = memory.read(address, length)
        except Unreadable:
            continue
    return first, bytes(image)


def _shifts(image: bytes, first: int, symbols: Symbols) -> Iterator[int]:
    """What to add to a symbol's address for its place in RAM: 0 where addresses are that, else a multiple of 2 MiB."""
    banner = symbols.get("linux_banner")
    if banner is None:
        return
    if banner < START_KERNEL_MAP:
        yield 0
        return
    for at in range(banner % _LARGE_BYTES, len(image), _LARGE_BYTES):
        if image.startswith(BANNER, at):
            yield first + at - banner
