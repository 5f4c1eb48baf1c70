"""A kernel's symbols from its image: addresses in each of the three ways that Linux has kept them since 4.20.

* below 6.15, with ``CONFIG_KALLSYMS_ABSOLUTE_PERCPU`` (x86-64): 0 and above is an address, below is ``relative_base - 1 - offset``
* without it: ``relative_base + offset``
* 7.0 on: each offset counts from its own place
"""

import struct
from array import array
from collections.abc import Iterator

from crazytrain.inside.kallsyms_find import Tables, find_tables
from crazytrain.inside.symbols import Packed, Symbols, is_sorted, order_of
from crazytrain.model.guest_memory import Unreadable

START_KERNEL_MAP = 0xFFFF_FFFF_8000_0000
_TOP = 1 << 64
_NEAR_IMAGE = 256 << 20  # symbols lie within the image, which may be larger than what was read of it
_MOST_NAME_BYTES = 64 << 20  # of all names together, where they must be sorted here
_SAMPLES = 64
_LARGE_BYTES = 2 << 20
BANNER = b"Linux version "


def read_symbols(image: bytes, base: int) -> Symbols:
    """Read the symbols of an image whose first byte lies at ``base``. Raises ``Unreadable`` where there are none to be believed.

    ``base`` is virtual; or physical where nothing else is known yet: then kernels from 7.0 on give physical addresses.
    """
    for tables in find_tables(image):
        for offsets, addresses in _addresses(image, base, tables):
            if _plausible(addresses, base, len(image)):
                packed = _packed(image, tables, offsets + 4 * tables.total)
                symbols = Symbols.of(addresses, packed, base + tables.names)
                if _banner_is_there(symbols, image, base):
                    return symbols
    raise Unreadable("no symbol table (kallsyms) is in the kernel's image")


def _addresses(image: bytes, base: int, tables: Tables) -> Iterator[tuple[int, "array[int]"]]:
    """Each way in which the addresses may stand: (where their table is, addresses)."""
    behind = tables.token_index + 512
    after = tuple(dict.fromkeys((_aligned(behind, 8), _aligned(behind, 4))))
    for offsets, at in _with_base(tables, after):
        relative = _u64(image, at)
        if relative >= START_KERNEL_MAP and not relative & 0xFFF:
            numbers = _i32s(image, offsets, tables.total)
            if numbers:
                yield offsets, _based(numbers, relative)
    for offsets in after:
        numbers = _i32s(image, offsets, tables.total)
        if numbers:
            first = base + offsets
            yield offsets, array("Q", [first + 4 * i + n & _TOP - 1 for i, n in enumerate(numbers)])


def _with_base(tables: Tables, after: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Where offsets may be, and the address that they count from: behind the tokens (6.4 on), or before the names."""
    for offsets in after:
        for aligned in (8, 4):
            yield offsets, _aligned(offsets + 4 * tables.total, aligned)
    base = tables.head - 8
    for size in (_aligned(4 * tables.total, 8), 4 * tables.total):
        yield base - size, base


def _aligned(offset: int, to: int) -> int:
    return -(-offset // to) * to


def _based(numbers: "array[int]", base: int) -> "array[int]":
    if numbers[-1] < 0:  # absolute per-CPU: the kernel's own are below 0
        return array("Q", [n if n >= 0 else base - 1 - n & _TOP - 1 for n in numbers])
    return array("Q", [base + n & _TOP - 1 for n in numbers])


def _u64(image: bytes, at: int) -> int:
    return int(struct.unpack_from("<Q", image, at)[0]) if 0 <= at <= len(image) - 8 else 0


def _i32s(image: bytes, at: int, count: int) -> "array[int]":
    return array("i", image[at : at + 4 * count] if 0 <= at <= len(image) - 4 * count else b"")


def _plausible(addresses: "array[int]", base: int, size: int) -> bool:
    """Addresses are sorted, and most of them in or near the image (some count from 0: per-CPU variables)."""
    if not addresses or not is_sorted(addresses):
        return False
    last, middle = addresses[-1], addresses[len(addresses) // 2]
    if base < START_KERNEL_MAP and middle >= START_KERNEL_MAP:  # the image by its physical address, the symbols not
        return last - middle < _NEAR_IMAGE
    return base - _NEAR_IMAGE <= middle <= last <= base + size + _NEAR_IMAGE


def _banner_is_there(symbols: Symbols, image: bytes, base: int) -> bool:
    """Whether the banner lies where its symbol says: else the addresses were read from a little beside their place.

    An image that is known by its physical address lies a multiple of 2 MiB from where its symbols say.
    """
    address = symbols.get("linux_banner")
    if address is None:
        return False
    if base < START_KERNEL_MAP <= address:
        places = range((address - base) % _LARGE_BYTES, len(image), _LARGE_BYTES)
        return any(image.startswith(BANNER, at) for at in places)
    return 0 <= address - base < len(image) and image.startswith(BANNER, address - base)


def _packed(image: bytes, tables: Tables, offsets_end: int) -> Packed:
    names = image[tables.names : tables.markers_end]
    for order in _orders(image, tables, offsets_end):
        packed = Packed(names, tables.starts, tables.tokens, order)
        if _is_by_name(packed):
            return packed
    packed = Packed(names, tables.starts, tables.tokens, b"")
    return packed._replace(order=order_of(list(_entries(packed))))


def _orders(image: bytes, tables: Tables, offsets_end: int) -> Iterator[bytes]:
    """The order of names, that Linux keeps since 6.2, at each place where it may be."""
    size = 3 * tables.total
    ahead = tables.markers_end
    behind = _aligned(offsets_end, 8)
    for at in (_aligned(ahead, 8), ahead, behind, behind + 8, offsets_end, offsets_end + 8):
        order = image[at : at + size]
        if len(order) == size:
            yield order


def _is_by_name(packed: Packed) -> bool:
    """Whether an order of names holds at some places: clang's LTO leaves a few that do not."""
    count = len(packed.starts)
    places = range(0, count - 1, max(1, count // _SAMPLES))
    pairs = [(packed.nth(place), packed.nth(place + 1)) for place in places]
    if any(index >= count for pair in pairs for index in pair) or len(set(pairs)) < len(pairs):
        return False
    wrong = sum(packed.entry(one)[1:] > packed.entry(other)[1:] for one, other in pairs)
    return wrong * 16 <= len(pairs)


def _entries(packed: Packed) -> Iterator[bytes]:
    most = _MOST_NAME_BYTES
    for entry in packed.entries():
        most -= len(entry)
        if most < 0:
            raise Unreadable("the symbols' names are longer than those of a kernel")
        yield entry
