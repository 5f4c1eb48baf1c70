"""Hostile and odd lines: any bytes give facts or a clear error, in bounded time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.recognise import split
from crazytrain.decode.strace import decode_strace
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Kind
from crazytrain.model.facts.syscalls import SyscallUse, TraceStory
from tests.decode.pasted import case, evidence


def read(data: bytes | str) -> tuple[SyscallUse, TraceStory]:
    use, story = decode_strace(evidence(Kind.STRACE, data, "strace.txt"))
    assert isinstance(use, SyscallUse)
    assert isinstance(story, TraceStory)
    return use, story


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "line",
    ["read(" + ")" * 300_000, "read(1" + ") = " * 100_000, "[pid " * 100_000, " " * 500_000, "a" * 500_000 + "(",
     'read(1, "' + "\\" * 300_000, "ppoll(" + "], 1, {" * 50_000 + ") = 0", "--- SIG" + "si_code=" * 50_000,
     "1" * 300_000 + " read(1) = 0", "read(1) = 1 <" + "0" * 300_000 + ".1>", "$ " * 100_000 + "strace", "0.0 " * 99_999],
)  # fmt: skip
def test_hostile_lines_take_no_time(line: str) -> None:
    for end in ("\n", "\nread(1) = 0\n"):
        list(decode_strace(evidence(Kind.STRACE, "close(1) = 0\n" + line + end)))


NAMES = st.sampled_from(
    ["read", "write", "select", "ppoll", "timer_settime", "rt_sigaction", "epoll_wait", "x", "ioctl"]
)
ARGUMENTS = st.one_of(
    st.integers(-5, 2**40).map(str),
    st.sampled_from(
        ['"\\1\\0\\0\\0\\0\\0\\0\\0"', '"\\16\\0\\0\\0\\0\\0\\0\\0\\376\\377\\377\\377"...', "NULL", "[7 10]", "{1, 0}"]
    ),
    st.sampled_from(
        ["{tv_sec=0, tv_nsec=99999999999999999999}", "[{fd=7, events=POLLIN}]", "SIGALRM", "7<a>", '"', "8"]
    ),
    st.text(max_size=12),
)
RESULTS = st.sampled_from(
    [
        "0",
        "8",
        "128",
        "-1 EAGAIN (Resource temporarily unavailable)",
        "?",
        "0x7f",
        "1 (in [7], left {0, 5})",
        "",
        "99" * 400,
    ]
)
PREFIXES = st.sampled_from(
    ["", "[pid 7] ", "7  ", "13:33:01.5 ", "[pid 8] 99:99:99 ", "0.000001 ", "[pid 9<x>] 1331296381.1 "]
)
ENDS = st.sampled_from([") = ", ")     = ", " <unfinished ...>", ")", " <detached ...>", ", "])


@st.composite
def trace_line(draw: st.DrawFn) -> str:
    """A line that is nearly strace: every part is plausible or odd by itself."""
    prefix, name = draw(PREFIXES), draw(NAMES)
    if draw(st.integers(0, 4)) == 0:
        return f"{prefix}<... {name} resumed>{draw(ARGUMENTS)}) = {draw(RESULTS)}"
    arguments = ", ".join(draw(st.lists(ARGUMENTS, max_size=6)))
    took = draw(st.sampled_from(["", " <0.000123>", " <99999999999999999.5>", " <unavailable>"]))
    return f"{prefix}{name}({arguments}{draw(ENDS)}{draw(RESULTS)}{took}"


@given(st.lists(st.one_of(trace_line(), st.text(max_size=30)), min_size=1, max_size=20))
def test_any_near_trace_is_read_and_adds_up(lines: list[str]) -> None:
    data = "\n".join(["close(1) = 0", *lines])
    use, story = read(data)
    assert sum(c.count for c in use.calls) == story.calls
    assert all(0 <= c.failed <= c.count for c in use.calls)
    assert all(w.zero + w.infinite + sum(b.count for b in w.buckets) <= w.count for w in use.waits)
    last = data.count("\n") + 1
    cited = [ref for c in use.calls for ref in c.refs]
    cited += [*(w.ref for w in story.waits), *(t.ref for t in story.transfers), *(d.ref for d in story.drained)]
    assert all(ref.line is not None and 1 <= ref.line <= last for ref in cited)
    assert use.window_ns is None or use.window_ns > 0


@given(st.binary(max_size=600))
def test_any_bytes_give_facts_or_bad_input(data: bytes) -> None:
    try:
        use, story = read(data)
    except BadInput:
        return
    assert sum(c.count for c in use.calls) == story.calls


@given(st.binary(max_size=300))
def test_a_trace_survives_any_neighbours(data: bytes) -> None:
    try:
        parts = split("x.txt", case("strace.txt") + b"\n" + data)
    except BadInput:
        return
    traces = [part for part in parts if part.kind is Kind.STRACE]
    assert traces[0].first_line == 1
    assert list(decode_strace(traces[0]))
