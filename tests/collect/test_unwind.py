"""Walking a stack: by the files' information, by searching where that gives no answer, and never beyond what was read."""

import struct
from collections.abc import Mapping as Table

import pytest

from crazytrain.collect.elf import Elf, Row, Symbol
from crazytrain.collect.mappings import Mapping, mapping_of, mappings, where_to_read
from crazytrain.collect.unwind import BEGINNING, EXACT, FIRST, FOUND, Process, Stack, unwind

MADE = b"1000-3000 r-xp 00000000 fe:00 7 /usr/bin/q\n5000-6000 rwxp 00000000 00:00 0 \n8000-9000 rw-p 00000000 00:00 0 [stack]\n"
SP = 0x8000
RAX_CALL = b"\xe8\0\0\0\0"


class Made(Elf):
    """A file of which rows and calls are given."""

    def __init__(self, rows: Table[int, Row], calls: tuple[int, ...] = ()) -> None:
        self.given, self.calls = rows, calls

    def address_of(self, mapping: Mapping, address: int) -> int:
        return address + mapping.file_offset

    def symbol(self, address: int) -> Symbol:
        return Symbol(f"f{address & ~0xFF:x}", address & 0xFF)

    def row(self, address: int) -> Row | None:
        return self.given.get(address & ~0xFF)

    def code(self, address: int, length: int) -> bytes:
        return (b"\x90" * 2 + RAX_CALL)[-length:] if address + length in self.calls else b"\x90" * length


def row(
    register: int = 7, offset: int = 16, saved: tuple[tuple[int, int], ...] = ((16, -8),), *, last: bool = False
) -> Row:
    return Row(0x1000, register, offset, saved, (), last)


def stack(*words: int) -> Stack:
    return Stack(SP, struct.pack(f"<{len(words)}Q", *words))


def walked(elf: Elf, pc: int, words: Stack) -> tuple[list[tuple[int, str]], str]:
    frames, ended = unwind(Process(mappings(MADE), lambda _: elf), pc, words)
    return [(frame.ip, frame.how) for frame in frames], ended


def test_from_frame_to_frame_to_the_thread_s_beginning() -> None:
    elf = Made({0x1000: row(), 0x1100: row(offset=24), 0x1200: row(last=True)})
    assert walked(elf, 0x1010, stack(1, 0x1110, 2, 3, 0x1220)) == (
        [(0x1010, FIRST), (0x1110, EXACT), (0x1220, EXACT)],
        BEGINNING,
    )


def test_a_saved_register_carries_the_next_frame() -> None:
    """f1100 finds its frame by rbp, which f1000 has saved."""
    elf = Made({0x1000: row(saved=((16, -8), (6, -16))), 0x1100: row(register=6, offset=16), 0x1200: row(last=True)})
    words = stack(SP + 24, 0x1110, 5, 6, 0x1210)
    assert walked(elf, 0x1010, words) == ([(0x1010, FIRST), (0x1110, EXACT), (0x1210, EXACT)], BEGINNING)


def test_a_register_that_nobody_saved_makes_it_a_guess() -> None:
    elf = Made({0x1000: row(register=6), 0x1200: row()}, calls=(0x1210,))
    frames, ended = walked(elf, 0x1010, stack(0x1190, 0x1210, 0, 0))
    assert frames[:2] == [(0x1010, FIRST), (0x1210, FOUND)], "0x1190 lies in the code, but no call is before it"
    assert {how for _, how in frames[1:]} == {FOUND}, "what stands above a guess is no better"
    assert ended != BEGINNING


def test_a_guess_that_leads_to_the_beginning_leaves_only_itself_in_doubt() -> None:
    elf = Made({0x1000: row(register=6), 0x1200: row(), 0x1300: row(last=True)}, calls=(0x1210,))
    assert walked(elf, 0x1010, stack(0, 0x1210, 0, 0x1310)) == (
        [(0x1010, FIRST), (0x1210, FOUND), (0x1310, EXACT)],
        BEGINNING,
    )


def test_generated_code_is_passed_by_searching() -> None:
    elf = Made({0x1000: row(), 0x1200: row(last=True)}, calls=(0x1210,))
    frames, ended = walked(elf, 0x1010, stack(1, 0x5010, 7, 0x1210))
    assert (frames, ended) == ([(0x1010, FIRST), (0x5010, EXACT), (0x1210, FOUND)], BEGINNING)


@pytest.mark.parametrize(
    ("words", "ended"),
    [
        ((), "deeper than what was read"),
        ((1, 0x4242), "is none"),  # no code there
        ((1, 0x8010), "is none"),  # the stack itself
        ((1, 0), "is none"),
    ],
)
def test_where_it_ends_is_told(words: tuple[int, ...], ended: str) -> None:
    frames, why = walked(Made({0x1000: row()}), 0x1010, stack(*words))
    assert [ip for ip, _ in frames] == [0x1010]
    assert ended in why


def test_a_stack_that_goes_round_is_cut() -> None:
    frames, why = walked(Made({0x1000: row(offset=0)}), 0x1010, stack(*([0x1010] * 8)))
    assert len(frames) <= 64
    assert why


MAPS = (
    b"55e0-55f0 r--p 00000000 fe:00 1051 /usr/bin/qemu system\n"
    b"55f0-5600 r-xp 00010000 fe:00 1051 /usr/bin/qemu system (deleted)\n"
    b"7000-7100 rwxp 00000000 00:00 0 \n"
    b"7f00-8000 r-xs 00000000 00:06 9 /dev/dri/card0\n"
)


def test_mappings_as_the_kernel_writes_them() -> None:
    known = mappings(MAPS)
    assert [(m.start, m.executable, m.has_code_file) for m in known] == [
        (0x55E0, False, False),
        (0x55F0, True, True),
        (0x7000, True, False),
        (0x7F00, True, False),
    ]
    found = mapping_of(0x55F8, known)
    assert found is not None
    assert (found.name, found.deleted) == ("qemu system", True)
    assert list(where_to_read(7, found)) == ["/proc/7/map_files/55f0-5600"], "its path leads to another file now"
    assert [mapping_of(a, known) for a in (0x0, 0x5600, 0x9000)] == [None, None, None]
