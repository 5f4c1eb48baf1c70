"""A kernel is found wherever it lies and in whatever form its symbols are; what is none is said to be none."""

import contextlib
import itertools
import struct

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crazytrain.inside import kallsyms_find
from crazytrain.inside.find_kernel import find_kernel, keep
from crazytrain.inside.kallsyms import read_symbols
from crazytrain.inside.memory import Recorded
from crazytrain.inside.symbols import Symbols
from crazytrain.model.facts.inside import FoundBy
from crazytrain.model.guest_memory import PAGE_BYTES, Unreadable
from tests.inside.built_kernel import BANNER, LARGE, MAP, Built, Form, Order, Place, build, some_symbols, vcpu

FORMS = st.builds(
    Form,
    order=st.sampled_from(Order),
    per_cpu_absolute=st.booleans(),
    by_name=st.booleans(),
    rich_tokens=st.booleans(),
    names_padding=st.sampled_from((4, 8)),
)
PLACES = st.builds(
    Place,
    text=st.integers(0, 480).map(lambda number: MAP + number * LARGE),
    physical=st.integers(1, 1 << 14).map(lambda number: number * LARGE),
    levels=st.sampled_from((4, 5)),
    small_pages=st.booleans(),
    user_tables=st.booleans(),
)
ONE = Form()
NO_SHRINK = (Phase.explicit, Phase.reuse, Phase.generate)  # an example takes 50 ms: the first that fails will do
FEW = 700


def built(form: Form = ONE, place: Place | None = None, seed: int = 1, count: int = FEW) -> Built:
    return build(some_symbols(seed, count, form), form, place or Place())


@given(FORMS, PLACES, st.integers(0, 1 << 20), st.integers(520, 1600))
@settings(max_examples=40, deadline=None, phases=NO_SHRINK)
def test_what_was_built_is_found_bit_for_bit(form: Form, place: Place, seed: int, count: int) -> None:
    it = built(form, place, seed, count)
    kernel, cached = find_kernel(it.memory, it.registers)
    assert list(kernel.symbols) == it.symbols
    assert kernel.space.root == it.root
    assert kernel.about.found_by is FoundBy.PAGE_TABLE
    assert (kernel.about.text, kernel.about.page_levels) == (place.text, place.levels)
    assert kernel.about.banner == BANNER
    assert (kernel.about.release, kernel.about.version[:6]) == ("6.1.0-test", "#1 SMP")
    again, fresh = find_kernel(it.memory, it.registers, cached)
    assert list(again.symbols) == it.symbols
    assert again.about.cached
    assert fresh == b""


@given(FORMS, PLACES, st.integers(0, 1 << 20))
@settings(max_examples=25, deadline=None, phases=NO_SHRINK)
def test_it_is_found_without_registers(form: Form, place: Place, seed: int) -> None:
    it = built(form, place, seed)
    kernel, _ = find_kernel(it.memory)
    assert list(kernel.symbols) == it.symbols
    assert kernel.space.root == it.root
    assert kernel.about.found_by is FoundBy.SIGNATURE


def test_it_is_found_by_its_crash_note() -> None:
    it = built()
    own = it.root - it.place.physical + it.place.text
    text = f"OSRELEASE=6.1.0\nSYMBOL(swapper_pg_dir)={own:x}\nNUMBER(phys_base)={it.place.physical - it.place.text + MAP}\n"
    note = struct.pack("<III", 11, len(text), 0) + b"VMCOREINFO\0\0" + text.encode()
    memory = Recorded(it.pages | {16: note.ljust(PAGE_BYTES, b"\0")})
    kernel, _ = find_kernel(memory)
    assert kernel.about.found_by is FoundBy.VMCOREINFO
    assert list(kernel.symbols) == it.symbols


@pytest.mark.parametrize(("order", "by_name"), list(itertools.product(Order, (False, True))))
def test_names_lead_to_addresses_and_back(order: Order, by_name: bool) -> None:
    it = built(Form(order=order, by_name=by_name))
    symbols = find_kernel(it.memory, it.registers)[0].symbols
    first: dict[str, int] = {}
    named: dict[int, str] = {}
    for address, _, name in it.symbols:
        first.setdefault(name, address)
        named.setdefault(address, name)
    assert {name: symbols.get(name) for name in first} == first
    assert symbols.get("no_such") is None
    assert symbols.get("") is None
    with pytest.raises(Unreadable, match="no symbol no_such"):
        symbols["no_such"]
    inside = [address for address in named if it.place.text <= address and named[address] not in {"_end", "_etext"}]
    assert [symbols.at(address) for address in inside] == [(named[address], 0) for address in inside]


def test_nothing_outside_of_the_image_has_a_name() -> None:
    it = built()
    symbols = find_kernel(it.memory, it.registers)[0].symbols
    assert [
        symbols.at(at) for at in (0, 4100, it.place.text - 1, symbols["_end"], symbols["_end"] + 1, MAP + (1 << 30))
    ] == [None] * 6
    assert symbols.at(symbols["_etext"] + 5) is None
    assert symbols.at(it.place.text) == ("_text", 0)


def test_a_table_of_plain_names_is_a_table() -> None:
    symbols = Symbols([30, 10, 20], ["c", "a" * 300, "b"], "TtD")
    assert list(symbols) == [(10, "t", "a" * 300), (20, "D", "b"), (30, "T", "c")]
    assert [symbols.get(name) for name in ("c", "a" * 300, "b", "d")] == [30, 10, 20, None]
    assert list(Symbols.unpack(symbols.pack())) == list(symbols)


def test_a_guest_that_rebooted_is_noticed() -> None:
    """The old kernel may still lie in RAM, whole; no vCPU uses it any more."""
    old, new = built(), built(place=Place(text=MAP + 64 * LARGE, physical=40 * LARGE), seed=2)
    _, cached = find_kernel(old.memory, old.registers)
    both = Recorded(old.pages | new.pages)
    kernel, fresh = find_kernel(both, new.registers, cached)
    assert kernel.about.text == new.place.text
    assert not kernel.about.cached
    assert fresh
    assert list(kernel.symbols) == new.symbols


@pytest.mark.parametrize("where", ["names", "banner", "root"])
def test_what_was_kept_is_checked_against_the_guest(where: str) -> None:
    it = built()
    kernel, cached = find_kernel(it.memory, it.registers)
    names_at = kernel.symbols.names_at + len(kernel.symbols.names) // 2
    at = {
        "names": names_at - it.place.text + it.place.physical,
        "banner": kernel.symbols["linux_banner"] - it.place.text + it.place.physical + 14,
        "root": it.root + 511 * 8,
    }[where]
    pages = dict(it.pages)
    page = bytearray(pages[at // PAGE_BYTES])
    page[at % PAGE_BYTES] ^= 1
    pages[at // PAGE_BYTES] = bytes(page)
    try:
        again = find_kernel(Recorded(pages), it.registers, cached)[0]
    except Unreadable:
        return
    assert not again.about.cached


KEPT_OF = built()
KEPT: bytes = find_kernel(KEPT_OF.memory, KEPT_OF.registers)[1]


def _flipped(at: int) -> bytes:
    return KEPT[:at] + bytes([KEPT[at] ^ 0x41]) + KEPT[at + 1 :]


@given(st.binary(max_size=200) | st.integers(0, 4000).map(lambda cut: KEPT[:cut]) | st.integers(0, 200).map(_flipped))
@settings(max_examples=80, deadline=None)
def test_broken_things_that_were_kept_count_as_none(cached: bytes) -> None:
    kernel, _ = find_kernel(KEPT_OF.memory, KEPT_OF.registers, cached)
    assert list(kernel.symbols) == KEPT_OF.symbols


def test_a_kernel_can_be_kept_once_it_was_read() -> None:
    kernel, cached = find_kernel(KEPT_OF.memory, KEPT_OF.registers)
    again, fresh = find_kernel(KEPT_OF.memory, KEPT_OF.registers, keep(kernel))
    assert again.about.cached
    assert fresh == b""
    assert len(keep(kernel)) >= len(cached) - 8


def test_firmware_is_no_kernel_even_where_an_old_one_lies_in_ram() -> None:
    it = built()
    with pytest.raises(Unreadable, match="no vCPU is in 64-bit mode"):
        find_kernel(it.memory, (vcpu(it.cr3, is_long=False),))


def test_a_kernel_that_no_vcpu_uses_is_not_the_guests() -> None:
    it, other = built(), built(place=Place(physical=40 * LARGE))
    bare = {number: page for number, page in other.pages.items() if number * PAGE_BYTES >= 42 * LARGE}
    with pytest.raises(Unreadable, match="no vCPU uses it"):
        find_kernel(Recorded(it.pages | bare), other.registers)
    firmware = msgspec.structs.replace(vcpu(0x5000), ip=0x7FE0_0000)
    with pytest.raises(Unreadable, match="no vCPU uses it"):
        find_kernel(it.memory, (firmware,))


def test_page_tables_that_went_with_their_process_are_no_doubt() -> None:
    it = built()
    kernel, cached = find_kernel(it.memory, (vcpu(0x5000, cpl=3),))
    assert kernel.about.found_by is FoundBy.SIGNATURE
    assert find_kernel(it.memory, (vcpu(0x5000),), cached)[0].about.cached


def test_an_empty_guest_has_no_kernel() -> None:
    with pytest.raises(Unreadable, match="no Linux kernel was found"):
        find_kernel(Recorded({}))


def test_tables_that_map_a_kernel_without_symbols_say_so() -> None:
    it = built()
    first = (it.place.physical + LARGE) // PAGE_BYTES
    bare = {number: page for number, page in it.pages.items() if not first + 2 <= number < first + 512}
    with pytest.raises(Unreadable, match="no symbol table that we know"):
        find_kernel(Recorded(bare), it.registers)


TABLE_BYTES = 0xC000
MUTABLE = [built(Form(order=order, by_name=by_name)) for order in Order for by_name in (False, True)]


@given(
    st.sampled_from(MUTABLE),
    st.lists(
        st.tuples(st.integers(0, TABLE_BYTES - 1), st.sampled_from((0, 1, 0x7F, 0x80, 0xFF)) | st.integers(0, 255)),
        min_size=1,
        max_size=8,
    ),
)
@settings(max_examples=300, deadline=20_000, suppress_health_check=[HealthCheck.too_slow])
def test_a_mutated_image_gives_symbols_or_the_reason_why_not(it: Built, changes: list[tuple[int, int]]) -> None:
    image = bytearray(it.image[LARGE : LARGE + TABLE_BYTES])
    for at, value in changes:
        image[at] = value
    try:
        symbols = read_symbols(bytes(image), it.place.text + LARGE)
        assert len(list(symbols)) == len(symbols)
        symbols.get("linux_banner")
        symbols.at(it.place.text + 100)
    except Unreadable:
        pass


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 511), st.integers(0, (1 << 64) - 1)), min_size=1, max_size=6)
)
@settings(max_examples=50, deadline=20_000)
def test_mutated_page_tables_give_the_kernel_or_the_reason_why_not(changes: list[tuple[int, int, int]]) -> None:
    it = built(place=Place(levels=5, small_pages=True))
    pages = dict(it.pages)
    numbers = sorted(pages)
    for which, slot, entry in changes:
        number = numbers[-1 - which % len(numbers)]
        page = bytearray(pages[number])
        struct.pack_into("<Q", page, 8 * slot, entry)
        pages[number] = bytes(page)
    with contextlib.suppress(Unreadable):
        assert list(find_kernel(Recorded(pages), it.registers)[0].symbols)


DIGITS = b"".join(b"%d\0" % digit for digit in range(10))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "unit",
    [b"\0", b"\xff", DIGITS, DIGITS + bytes(1000), struct.pack("<5I", 0, 256, 512, 768, 1024), struct.pack("<I", 600)],
    ids=["zeros", "ones", "digits", "spaced digits", "markers", "totals"],
)
def test_an_image_full_of_one_lure_is_refused_in_time(unit: bytes) -> None:
    image = (unit * ((8 << 20) // len(unit) + 1))[: 8 << 20]
    table = MUTABLE[0].image[LARGE : LARGE + 0x20000]
    with pytest.raises(Unreadable):
        read_symbols(image, MAP)
    with pytest.raises(Unreadable):  # the same with real tokens in it
        read_symbols(image[: 7 << 20] + table[table.index(DIGITS) - 400 :], MAP)


def test_the_table_lies_in_what_is_mutated() -> None:
    for it in MUTABLE:
        symbols = read_symbols(it.image[LARGE : LARGE + TABLE_BYTES], it.place.text + LARGE)
        assert list(symbols) == it.symbols


def test_an_index_that_points_behind_the_image_is_none() -> None:
    offsets = [2 * at for at in range(256)]
    digits = offsets[kallsyms_find._FIRST_DIGIT]
    known = [offset - digits for offset in offsets[kallsyms_find._FIRST_DIGIT :]]
    image = bytes(1024) + struct.pack("<256H", *offsets)
    assert kallsyms_find._indexed(image, digits, known, 1024) == 0
    torn = [*offsets[:-1], 0xFFFF]  # a page was torn, or the guest lies
    known[-1] = 0xFFFF - digits
    assert kallsyms_find._indexed(bytes(1024) + struct.pack("<256H", *torn), digits, known, 1024) is None
