"""A small kernel image with a symbol table in any form that Linux has used, below page tables, in guest RAM."""

import random
import struct
from collections.abc import Sequence
from enum import Enum

import msgspec

from crazytrain.inside.memory import Recorded
from crazytrain.inside.registers import CpuRegisters
from crazytrain.model.guest_memory import PAGE_BYTES

MAP = 0xFFFF_FFFF_8000_0000
LARGE = 2 << 20
BANNER = "Linux version 6.1.0-test (a@b) (gcc 12.2.0) #1 SMP PREEMPT_DYNAMIC Test 6.1.1-1 (2026-08-01)"
_DATA_AT = LARGE  # read-only data begin there, text before
_TABLE_AT = _DATA_AT + 0x3000
_IMAGE_BYTES = 2 * LARGE
_PRESENT, _WRITABLE, _HUGE, _NX = 1, 2, 1 << 7, 1 << 63

Symbol = tuple[int, str, str]  # offset in the image (of a per-CPU variable: its address), type, name


class Order(Enum):
    """The order of a symbol table's parts."""

    OLD = "4.20 to 6.3"
    MOVED = "6.4 to 6.19"
    PLACE = "7.0 on"


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """How a symbol table is written."""

    order: Order = Order.OLD
    per_cpu_absolute: bool = True
    by_name: bool = False
    rich_tokens: bool = True
    names_padding: int = 8


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where the kernel lies, and its page tables' form."""

    text: int = MAP + 8 * LARGE
    physical: int = 6 * LARGE
    levels: int = 4
    small_pages: bool = False
    user_tables: bool = False  # the registers have a program's CR3, as PTI has it


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """A kernel that was built: its RAM, what a vCPU has in CR3, its symbols as ``/proc/kallsyms`` prints them."""

    pages: dict[int, bytes]
    image: bytes
    cr3: int
    root: int
    place: Place
    symbols: list[Symbol]

    @property
    def memory(self) -> Recorded:
        return Recorded(self.pages)

    @property
    def registers(self) -> tuple[CpuRegisters, ...]:
        return (vcpu(self.cr3, self.place.levels, cpl=3 if self.place.user_tables else 0),)


def vcpu(cr3: int, levels: int = 4, cpl: int = 0, *, is_long: bool = True) -> CpuRegisters:
    values = {"CR3": cr3, "CR4": (levels == 5) << 12, "EFER": 0xD01 if is_long else 0}
    return CpuRegisters(
        vcpu=0, ip=MAP, sp=0, bp=0, cpl=cpl, halted=False, smm=False, cs=16, cs_base=0, gs_base=0, values=values
    )


def some_symbols(seed: int, count: int, form: Form) -> list[Symbol]:
    """``count`` made-up symbols, of all lengths that there are, besides the few that a kernel must have."""
    dice = random.Random(seed)
    words = ["sys", "read", "x64", "__", "init", "lock", "do", "0", "9", "k", "irq", "page", "T", "$", "."]
    fixed = {
        0: ("T", "_text"),
        1: ("T", "_stext"),
        LARGE - 256: ("T", "_etext"),
        _DATA_AT: ("D", "linux_banner"),
        _DATA_AT + 0x1000: ("D", "init_top_pgt"),
        _IMAGE_BYTES - 16: ("B", "_end"),
    }
    symbols = [(at, kind, name) for at, (kind, name) in fixed.items()]
    for number in range(count):
        name = "_".join(dice.choice(words) for _ in range(dice.randint(1, 6))) + f"_{number}"
        if number % 97 == 0:
            name += "_" + "".join(dice.choice("abcdefghij") for _ in range(dice.choice((100, 140, 300, 420))))
        at = dice.choice((dice.randrange(LARGE - 256), dice.randrange(LARGE, _IMAGE_BYTES - 32)))
        symbols.append((at, dice.choice("tTdDbBrRaVwW"), name))
    symbols.sort(key=lambda symbol: symbol[0])
    if form.per_cpu_absolute and form.order is not Order.PLACE:
        symbols = [(at, "A", name) for at, name in ((0, "__per_cpu_start"), (4096, "a_per_cpu"))] + symbols
    return symbols


def build(symbols: Sequence[Symbol], form: Form, place: Place) -> Built:
    """Build it. Symbols come sorted, those that count from 0 (type A) first."""
    addresses = [at if kind == "A" else place.text + at for at, kind, _ in symbols]
    image = bytearray(_IMAGE_BYTES)
    image[_DATA_AT : _DATA_AT + len(BANNER) + 1] = BANNER.encode() + b"\n"
    table = _table(symbols, addresses, form, place.text)
    image[_TABLE_AT : _TABLE_AT + len(table)] = table
    pages = _pages(image, place)
    root = place.physical + _DATA_AT + 0x1000
    cr3 = _map(pages, root, place)
    listed = [(address, kind, name) for address, (_, kind, name) in zip(addresses, symbols, strict=True)]
    return Built(pages=pages, image=bytes(image), cr3=cr3, root=root, place=place, symbols=listed)


def _table(symbols: Sequence[Symbol], addresses: list[int], form: Form, base: int) -> bytes:
    tokens = _tokens(form)
    packed, starts = _pack([kind + name for _, kind, name in symbols], tokens)
    markers = struct.pack(f"<{len(starts[::256])}I", *starts[::256])
    order = sorted(range(len(symbols)), key=lambda index: (symbols[index][2].encode(), index))
    by_name = b"".join(index.to_bytes(3, "big") for index in order) if form.by_name else b""
    table, index = _token_bytes(tokens)
    parts = _Parts(form.names_padding)
    total = struct.pack("<I", len(symbols))
    if form.order is Order.OLD:
        parts.add(
            _offsets(addresses, form, base, 0), struct.pack("<Q", base), total, packed, markers, by_name, table, index
        )
    else:
        parts.add(total, packed, markers, table, index)
        at = _TABLE_AT + parts.next_at(4 if form.order is Order.PLACE else 8)
        parts.add(_offsets(addresses, form, base, base + at))
        parts.add(*([struct.pack("<Q", base)] if form.order is Order.MOVED else []), by_name)
    return bytes(parts.data)


class _Parts:
    """Parts one behind the other, each at a multiple of ``aligned``."""

    def __init__(self, aligned: int) -> None:
        self.aligned = aligned
        self.data = bytearray()

    def next_at(self, aligned: int) -> int:
        return -(-len(self.data) // aligned) * aligned

    def add(self, *parts: bytes) -> None:
        for part in parts:
            if part:
                self.data += bytes(self.next_at(self.aligned) - len(self.data)) + part


def _offsets(addresses: list[int], form: Form, base: int, here: int) -> bytes:
    if form.order is Order.PLACE:
        numbers = [address - (here + 4 * index) for index, address in enumerate(addresses)]
    elif form.per_cpu_absolute:
        numbers = [address if address < MAP else base - 1 - address for address in addresses]
    else:
        numbers = [address - base for address in addresses]
    return struct.pack(f"<{len(numbers)}i", *numbers)


def _tokens(form: Form) -> list[bytes]:
    """Letters stand for themselves; what no name uses stands for two letters and more."""
    used = {ord(letter) for letter in "abcdefghijklmnopqrstuvwxyzABDTVWR0123456789_$."}
    rich = [b"__", b"sys_", b"read", b"init_", b"lock", b"_x64", b"do_", b"irq_", b"page", b"ab", b"cd", b"ef", b"gh"]
    tokens = [bytes([code]) if code in used else b"" for code in range(256)]
    free = [code for code in range(256) if code not in used]
    for code, token in zip(free[::7], rich if form.rich_tokens else [], strict=False):
        tokens[code] = token
    return tokens


def _token_bytes(tokens: list[bytes]) -> tuple[bytes, bytes]:
    table, index = b"", []
    for token in tokens:
        index.append(len(table))
        table += token + b"\0"
    return table, struct.pack("<256H", *index)


def _pack(names: list[str], tokens: list[bytes]) -> tuple[bytes, list[int]]:
    codes = sorted(((token, code) for code, token in enumerate(tokens) if token), key=lambda one: -len(one[0]))
    packed, starts = bytearray(), []
    for name in names:
        starts.append(len(packed))
        data = _compress(name.encode(), codes)
        packed += (bytes([len(data)]) if len(data) < 128 else bytes([len(data) & 127 | 128, len(data) >> 7])) + data
    return bytes(packed), starts


def _compress(name: bytes, codes: list[tuple[bytes, int]]) -> bytes:
    data, at = bytearray(), 0
    while at < len(name):
        token, code = next((token, code) for token, code in codes if name.startswith(token, at))
        data.append(code)
        at += len(token)
    return bytes(data)


def _pages(image: bytearray, place: Place) -> dict[int, bytes]:
    """The image's pages that hold something."""
    first = place.physical // PAGE_BYTES
    cut = (image[at : at + PAGE_BYTES] for at in range(0, len(image), PAGE_BYTES))
    return {first + number: bytes(page) for number, page in enumerate(cut) if any(page)}


def _map(pages: dict[int, bytes], root: int, place: Place) -> int:
    """Write page tables into ``pages``: the kernel's own at ``root`` and a process' that is like them. Gives a vCPU's CR3."""
    free = place.physical + _IMAGE_BYTES
    middle = free
    entries = {}
    for number in range(_IMAGE_BYTES // LARGE):
        physical, flags = place.physical + number * LARGE, _PRESENT | (_NX if number else 0)
        slot = (place.text - MAP) // LARGE + number
        if place.small_pages:
            small = free + (2 + number) * PAGE_BYTES
            _write(pages, small, {index: (physical + index * PAGE_BYTES) | flags for index in range(512)})
            entries[slot] = small | _PRESENT
        else:
            entries[slot] = physical | flags | _HUGE
    _write(pages, middle, entries)
    top = free + PAGE_BYTES
    _write(pages, top, {510: middle | _PRESENT | _WRITABLE})
    if place.levels == 5:
        _write(pages, free + 4 * PAGE_BYTES, {511: top | _PRESENT})
        top = free + 4 * PAGE_BYTES
    process = free + 8 * PAGE_BYTES  # of a pair of pages: the kernel's, the program's
    _write(pages, root, {511: top | _PRESENT})
    _write(pages, process, {511: top | _PRESENT})
    _write(pages, process + PAGE_BYTES, {})
    return (process + PAGE_BYTES if place.user_tables else process) | 3  # PCID


def _write(pages: dict[int, bytes], address: int, entries: dict[int, int]) -> None:
    pages[address // PAGE_BYTES] = struct.pack("<512Q", *(entries.get(index, 0) for index in range(512)))
