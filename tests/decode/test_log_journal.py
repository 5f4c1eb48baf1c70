import itertools
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.log_journal import Form, Journal, form_of

ENTRY = (
    b"__CURSOR=s=1;i=2\n__REALTIME_TIMESTAMP=1795416301123456\n__MONOTONIC_TIMESTAMP=1\n_HOSTNAME=web01\n"
    b"SYSLOG_IDENTIFIER=cron\n_PID=7\nMESSAGE=hello you\n\n"
)
LINE = b"2026-11-23T06:45:01.123456+00:00 web01 cron[7]: hello you"


def binary(message: bytes) -> bytes:
    field = b"MESSAGE\n" + struct.pack("<Q", len(message)) + message + b"\n"
    return ENTRY.replace(b"MESSAGE=hello you\n", field)


def as_json(**more: object) -> bytes:
    known = {
        "__REALTIME_TIMESTAMP": "1795416301123456",
        "_HOSTNAME": "web01",
        "SYSLOG_IDENTIFIER": "cron",
        "_PID": "7",
        "MESSAGE": "hello you",
    }
    return json.dumps({**known, **more}).encode() + b"\n"


def test_forms_are_told_by_their_beginning() -> None:
    assert form_of(ENTRY) is Form.EXPORT
    assert form_of(b"_BOOT_ID=x\n" + ENTRY) is Form.EXPORT
    assert form_of(as_json()) is Form.JSON
    assert form_of(b"\x1e" + as_json()) is Form.JSON
    assert form_of(b'{"a": 1}\n') is Form.TEXT
    assert form_of(b"Nov 23 06:45:01 x\n") is Form.TEXT


def test_an_entry_becomes_a_line() -> None:
    assert Journal(Form.EXPORT).take(ENTRY * 2) == [(LINE, ENTRY)] * 2
    assert Journal(Form.JSON).take(as_json() * 2) == [(LINE, as_json())] * 2


def test_binary_fields_hold_anything() -> None:
    (pair,) = Journal(Form.EXPORT).take(binary(b"hello\n\n__CURSOR=you"))
    assert pair[0].endswith(b": hello  __CURSOR=you")
    assert pair[1] == binary(b"hello\n\n__CURSOR=you")


def test_messages_of_json_may_be_numbers_lists_or_missing() -> None:
    rows = as_json(MESSAGE=[104, 105]) + as_json(MESSAGE=None) + as_json(_PID=["1", "2"])
    lines = [line for line, _ in Journal(Form.JSON).take(rows)]
    assert [line.rpartition(b" ")[2] for line in lines] == [b"hi", b"", b"you"]


@given(st.lists(st.integers(0, 3000), max_size=8))
def test_blocks_do_not_matter(cuts: list[int]) -> None:
    data = ENTRY + binary(b"a\nb\n\nc") + ENTRY * 3 + binary(b"") + ENTRY
    ends = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    journal = Journal(Form.EXPORT)
    pairs = [pair for begin, end in itertools.pairwise(ends) for pair in journal.take(data[begin:end])]
    pairs += journal.take(b"", last=True)
    assert b"".join(raw for _, raw in pairs) == data
    assert len(pairs) == 7
    assert journal.damaged == 0


@given(st.binary(max_size=400), st.sampled_from([Form.EXPORT, Form.JSON]))
def test_anything_does_no_harm(data: bytes, form: Form) -> None:
    journal = Journal(form)
    pairs = [*journal.take(ENTRY + data), *journal.take(b"", last=True)]
    assert all(b"\n" not in line for line, _ in pairs)


def test_a_last_entry_without_its_end_is_read() -> None:
    journal = Journal(Form.EXPORT)
    assert journal.take(ENTRY[:-1]) == []
    assert [line for line, _ in journal.take(b"", last=True)] == [LINE]


def test_a_line_that_is_no_json_is_kept() -> None:
    journal = Journal(Form.JSON)
    assert journal.take(b"nonsense\n") == [(b"nonsense", b"nonsense\n")]
    assert journal.damaged == 1


@pytest.mark.parametrize("time", ["x", "0", "99999999999999999999", "", "9" * 5000])
def test_a_time_that_is_none(time: str) -> None:
    ((line, _),) = Journal(Form.JSON).take(as_json(__REALTIME_TIMESTAMP=time))
    assert line == b"web01 cron[7]: hello you"
