import datetime as dt

import pytest

from crazytrain.decode.log_stamp import Form, LogClock, stamp_of

LATE_S = dt.datetime(2026, 11, 24, tzinfo=dt.UTC).timestamp()
WHEN = dt.datetime(2026, 11, 23, 6, 45, 1, tzinfo=dt.UTC)


def read(line: bytes, clock: LogClock | None = None) -> int | None:
    stamp = stamp_of(line)
    assert stamp is not None, line
    base = (clock or LogClock(LATE_S, dt.UTC)).base(line, stamp)
    return None if base is None else base + int(line[stamp.seconds_begin : stamp.seconds_end])


@pytest.mark.parametrize(
    "line",
    [
        b"Nov 23 06:45:01 web01 cron[1]: x",
        b"<34>Nov 23 06:45:01 web01 cron[1]: x",
        b"Nov 23 06:45:01.123456 web01 cron[1]: x",
        b"2026-11-23T06:45:01.123456+00:00 web01 cron[1]: x",
        b"2026-11-23T07:45:01+0100 web01 cron[1]: x",
        b"2026-11-23T01:45:01.5-05:00 web01 cron[1]: x",
        b"2026-11-23T06:45:01Z web01 cron[1]: x",
        b"2026-11-23 06:45:01,123 INFO x",
        b"2026/11/23 06:45:01 [error] x",
        b"2026-11-23 06:45:01.123+0000: 4711: info : x",
        b"Mon 2026-11-23 06:45:01 UTC web01 kernel: x",
        b'<165>1 2026-11-23T06:45:01.003Z web01 evntslog - ID47 [a@1 b="c"] x',
        b"[Mon Nov 23 06:45:01 2026] x",
        b"Mon Nov 23 06:45:01 2026 daemon.info dnsmasq-dhcp[1]: x",
        b"1795416301.123456 web01 cron[1]: x",
        b"\0\0\0Nov 23 06:45:01 web01 x",
        b"\xef\xbb\xbfNov 23 06:45:01 web01 x",
        b"\x1b[32m2026-11-23T06:45:01Z x",
    ],
)
def test_wall_clock_stamps_of_all_forms_are_the_same_moment(line: bytes) -> None:
    stamp = stamp_of(line)
    assert stamp is not None
    assert stamp.form is Form.WALL
    assert read(line) == WHEN.timestamp()


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        (b"[    0.000000] Linux version", 0),
        (b"[    4.123456][    T1] Kernel panic", 4),
        (b"[  592.420654] usb 1-1", 592),
        (b"[592420.654337] kvm", 592_420),
        (b"[0.123456] x", 0),
        (b"kern  :warn  : [ 8812.345678] x", 8812),
        (b"<4>[   12.3450] x", 12),
    ],
)
def test_stamps_since_the_boot(line: bytes, seconds: int) -> None:
    stamp = stamp_of(line)
    assert stamp is not None
    assert stamp.form is Form.BOOT
    assert read(line) == seconds


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"x",
        b"Nov 23",
        b"[x] y",
        b"[1.2] y",
        b"[1 22 3.4532694] y",
        b"12:30 x",
        b"November 23 06:45:01 x",
        b"[  OK  ] Started x",
    ],
)
def test_what_is_no_stamp_is_none(line: bytes) -> None:
    assert stamp_of(line) is None


def test_a_day_that_no_calendar_has_gives_no_time() -> None:
    assert read(b"Feb 31 06:45:01 x y") is None
    assert read(b"2026-13-01T06:45:01Z x") is None


def test_the_year_is_the_last_one_that_fits() -> None:
    assert read(b"Nov 25 06:45:01 x y") == dt.datetime(2025, 11, 25, 6, 45, 1, tzinfo=dt.UTC).timestamp()


def test_the_29th_of_february_finds_its_year() -> None:
    assert read(b"Feb 29 00:00:01 x y") == dt.datetime(2024, 2, 29, 0, 0, 1, tzinfo=dt.UTC).timestamp()


def test_a_year_ends_within_the_log() -> None:
    clock = LogClock(dt.datetime(2026, 1, 2, tzinfo=dt.UTC).timestamp(), dt.UTC)
    before, after = read(b"Dec 31 23:59:59 x y", clock), read(b"Jan  1 00:00:01 x y", clock)
    assert before is not None
    assert after == before + 2
    assert clock.year_guessed


def test_a_line_of_the_old_year_may_come_late() -> None:
    clock = LogClock(dt.datetime(2026, 1, 2, tzinfo=dt.UTC).timestamp(), dt.UTC)
    last_year, _, late = (
        read(line, clock) for line in (b"Dec 31 23:59:59 x y", b"Jan  1 00:00:01 x y", b"Dec 31 23:59:59 x y")
    )
    assert last_year == late
