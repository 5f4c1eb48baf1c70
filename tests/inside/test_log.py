"""The kernel's log is what its dmesg prints; records that were being overwritten are counted, never guessed."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crazytrain.inside.log import read_log
from crazytrain.model.facts.inside import InsideLog
from crazytrain.model.guest_memory import Unreadable
from tests.inside.made_contents import DESC, INFO, Line, add_log, add_old_log
from tests.inside.made_kernel import Made

ALL = 1 << 20
LINES = [
    Line(b"Linux version 6.1", 5, 0),
    Line(b"x" * 100, 6, 7),
    Line(b"", 4, 8),
    Line(b"Kernel panic\nsecond line", 0, 10**10),
]


def made_log(lines: list[Line], size_bits: int = 10) -> tuple[Made, int]:
    made = Made()
    return made, add_log(made, lines, size_bits=size_bits)


def read(made: Made, most: int = ALL) -> InsideLog:
    made.finish()
    return read_log(made.kernel(), most)


def said(log: InsideLog) -> list[Line]:
    return [Line(record.text.encode(), record.level, record.at_ns) for record in log.records]


def test_records_come_oldest_first_with_level_and_time() -> None:
    log = read(made_log(LINES)[0])
    assert said(log) == LINES
    assert [record.seq for record in log.records] == [0, 1, 2, 3]
    assert (log.lost, log.cut) == (0, False)


def test_text_that_would_wrap_begins_anew() -> None:
    lines = [Line(b"%d " % number * 9, number % 8, number) for number in range(8)]
    assert said(read(made_log(lines, size_bits=8)[0]))[-3:] == lines[-3:]


def test_the_last_records_are_those_that_are_wanted() -> None:
    log = read(made_log(LINES)[0], 2)
    assert said(log) == LINES[-2:]
    assert log.cut


def test_a_record_that_was_overwritten_is_lost_and_no_other() -> None:
    made, descs = made_log(LINES)
    made.u64(descs + 1001 % 16 * DESC + 8, 2 << 62 | 1017)  # the next lap's record has its place already
    log = read(made)
    assert said(log) == [LINES[0], *LINES[2:]]
    assert log.lost == 1


@pytest.mark.parametrize("state", [0, 3])
def test_a_record_that_is_not_written_yet_or_gone_already_is_not_lost(state: int) -> None:
    made, descs = made_log(LINES)
    made.u64(descs + 1003 % 16 * DESC + 8, state << 62 | 1003)
    log = read(made)
    assert said(log) == LINES[:3]
    assert log.lost == 0


def test_text_of_another_record_is_not_taken() -> None:
    made, descs = made_log(LINES)
    (begin,) = struct.unpack_from("<Q", made.data, made.at(descs + 1000 % 16 * DESC + 16))
    made.u64(descs + 1001 % 16 * DESC + 16, begin)
    log = read(made)
    assert LINES[1] not in said(log)
    assert log.lost == 1


def test_a_record_without_text_is_an_empty_line_only_where_it_says_so() -> None:
    made, descs = made_log(LINES)
    made.u64(descs + 1000 % 16 * DESC + 16, 3, 3)
    made.u64(descs + 1001 % 16 * DESC + 16, 1, 1)
    log = read(made)
    assert said(log)[0] == Line(b"", 5, 0)
    assert len(log.records) == 3
    assert log.lost == 1


def test_a_log_of_no_believable_size_is_refused() -> None:
    for bits in (0, 3, 21, 40, 200, 0xFFFF_FFFF):
        made, _ = made_log(LINES)
        made.u32(made.symbols["printk_rb_static"], bits)
        made.u32(made.symbols["printk_rb_static"] + 48, bits)
        with pytest.raises(Unreadable):
            read(made)


def test_a_long_text_is_no_longer_than_its_block() -> None:
    made, descs = made_log(LINES)
    info = struct.unpack_from("<Q", made.data, made.at(made.symbols["printk_rb_static"] + 16))[0]
    made.put(info + 1000 % 16 * INFO + 16, struct.pack("<H", 60_000))
    assert len(read(made).records[0].text) < 32
    assert descs


def test_the_old_log_is_read_the_same() -> None:
    made = Made()
    add_old_log(made, LINES)
    log = read(made)
    assert said(log) == LINES
    assert [record.seq for record in log.records] == [40, 41, 42, 43]


def test_the_old_log_wraps() -> None:
    lines = [Line((b"line %02d " % number) * 4, 3, number) for number in range(25)]
    made = Made()
    add_old_log(made, lines)
    log = read(made)
    assert 5 < len(log.records) < 20
    assert said(log) == lines[-len(log.records) :]
    assert log.lost == 0


def test_the_old_log_says_what_it_could_not_read() -> None:
    made = Made()
    add_old_log(made, LINES)
    (buffer,) = struct.unpack_from("<Q", made.data, made.at(made.symbols["log_buf"]))
    made.put(buffer + 20 + 16 + 8, struct.pack("<H", 7))  # the second record's length
    log = read(made)
    assert log.lost == 4 - len(log.records)
    assert said(log) == LINES[: len(log.records)]


def test_of_a_log_that_is_too_long_the_end_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crazytrain.inside.log._MOST_LETTERS", 100)
    log = read(made_log(LINES)[0])
    assert said(log) == LINES[2:]
    assert log.cut


def test_a_kernel_without_a_log_says_so() -> None:
    with pytest.raises(Unreadable, match="no symbol"):
        read(Made())


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), min_size=1, max_size=20), st.booleans())
def test_a_hostile_log_is_partial_or_unreadable(changes: list[tuple[int, int]], old: bool) -> None:
    made = Made()
    if old:
        add_old_log(made, LINES)
        start = made.at(struct.unpack_from("<Q", made.data, made.at(made.symbols["log_buf"]))[0])
    else:
        start = made.at(add_log(made, LINES))
    made.finish()
    head = made.at(made.symbols["log_first_seq" if old else "printk_rb_static"])
    for place, value in changes:
        made.data[(start if place > 100 else head) + place] = value
    try:
        log = read_log(made.kernel(), ALL)
    except Unreadable:
        return
    assert len(log.records) + log.lost <= 1 << 20
