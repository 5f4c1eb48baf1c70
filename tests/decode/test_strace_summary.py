"""Tables of strace -c, -c -w and -C."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.recognise import split
from crazytrain.decode.strace_summary import decode_strace_summary
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Kind
from crazytrain.model.facts.syscalls import Coverage, SyscallUse
from tests.decode.pasted import evidence, sample


def read(data: bytes | str) -> SyscallUse:
    (use,) = decode_strace_summary(evidence(Kind.STRACE_SUMMARY, data))
    assert isinstance(use, SyscallUse)
    return use


def test_a_recorded_table() -> None:
    use = read(sample("strace-c.txt"))
    assert (use.method, use.coverage, use.window_ns) == ("strace -c", Coverage.SOME_THREADS, None)
    rows = {c.call: (c.count, c.failed, c.time_ns, c.refs[0].line) for c in use.calls}
    assert rows["pselect6"] == (400, 0, 2_192_000, 3)
    assert rows["read"] == (604, 201, 648_000, 5)
    assert rows["access"] == (1, 1, 0, 16)
    assert "total" not in rows
    assert sum(c.count for c in use.calls) == 1841
    assert [(w.call, w.count, w.buckets) for w in use.waits] == [("pselect6", 400, ())]


def test_the_table_after_the_lines() -> None:
    trace, table = split("C.txt", sample("strace-f-C.txt"))
    assert (trace.kind, table.kind) == (Kind.STRACE, Kind.STRACE_SUMMARY)
    (use,) = decode_strace_summary(table)
    assert isinstance(use, SyscallUse)
    assert [(c.call, c.count, c.failed, str(c.refs[0])) for c in use.calls] == [
        ("ppoll", 36, 0, "C.txt#2:15"),
        ("futex", 58, 2, "C.txt#2:16"),
    ]


@pytest.mark.parametrize("name", ["strace-c-w.txt", "strace-f-c.txt"])
def test_notes_around_the_table_are_part_of_it(name: str) -> None:
    (part,) = split(name, sample(name))
    assert part.kind is Kind.STRACE_SUMMARY
    assert {c.call for c in read(part.data).calls} >= {"ppoll", "futex"}


def test_decimal_commas() -> None:
    assert read(" 45,21    0,012345          12      1000       100 read\n").calls[0].time_ns == 12_345_000


@pytest.mark.parametrize("text", ["", "no table here\n", "100.00    0.003301          35        94         2 total\n"])
def test_without_rows_it_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput):
        read(text)


@given(
    st.lists(
        st.one_of(st.text(max_size=60), st.from_regex(r" ?\d{1,20}[.,]\d{1,12} +\d{1,9}\.\d{1,12} +\d+ +\d+ [a-z]+")),
        max_size=9,
    )
)
def test_any_text_gives_a_table_or_bad_input(lines: list[str]) -> None:
    try:
        use = read("\n".join(lines))
    except BadInput:
        return
    assert all(c.count >= c.failed or c.failed >= 0 for c in use.calls)
    assert all(1 <= (c.refs[0].line or 0) <= len("\n".join(lines).split("\n")) for c in use.calls)
