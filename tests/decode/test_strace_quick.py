"""Blocks with nothing new are counted by kinds of lines; that says the same as reading each line."""

import re
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.strace_memory import Memory
from crazytrain.decode.strace_quick import Quick
from crazytrain.decode.strace_rows import Sheet, careful_row
from crazytrain.decode.strace_tally import tally
from crazytrain.decode.strace_trace import Trace
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.syscalls import SyscallUse
from tests.decode.pasted import case, sample

EVIDENCE = Evidence(id="t", kind=Kind.STRACE, source="t")
LONG = b"".join(
    b"[pid %d] 09:36:24.0474%02d " % (77 + step % 2, step % 100) + line
    for step in range(400)
    for line in (
        b"ppoll([{fd=4, events=POLLIN}], 1, {tv_sec=0, tv_nsec=%d}, NULL, 8) = 0 (Timeout) <0.0000%02d>\n"
        % (step * 977, step % 90),
        b'read(4, "\\1\\0", 512) = %d <0.000007>\n' % (step % 9),
        b"futex(0x55e2e1c07558, FUTEX_WAIT_PRIVATE, %d, NULL <unfinished ...>\n" % (step % 3),
        b"<... futex resumed>) = -1 EAGAIN (Resource temporarily unavailable) <0.0000%02d>\n" % (step % 70),
    )
)


def blocks(data: bytes, size: int) -> Iterator[bytes]:
    while data:
        end = data.find(b"\n", size) + 1 or len(data)
        yield data[:end]
        data = data[end:]


def by_lines(data: bytes) -> list[object]:
    """Each line read by the pattern that knows all of strace's prefixes."""
    trace, memory = Trace(EVIDENCE), Memory()
    for block in blocks(data, 10_000):
        text = block if block.endswith(b"\n") else block + b"\n"
        trace.add(tally(Sheet(text, [careful_row(line) for line in text.split(b"\n")[:-1]]), memory))
    return list(trace.facts())


def quickly(data: bytes, size: int) -> tuple[list[object], int]:
    """The facts, and how many blocks were counted by kinds."""
    trace, memory, quick_ones = Trace(EVIDENCE), Memory(), 0
    quick = Quick(memory)
    for block in blocks(data, size):
        found = quick.count(block)
        quick_ones += found is not None
        trace.add(found or tally(memory.rows.read(block), memory))
    return list(trace.facts()), quick_ones


def varied(text: bytes, times: int) -> bytes:
    """A trace that goes on and on, with other numbers where real ones differ."""
    number = count(7)
    lines = b"".join(line + b"\n" for line in text.split(b"\n") if line) * times
    lines = re.sub(rb"(?<=tv_nsec=)\d+", lambda _: b"%d" % (next(number) * 99_991 % 10**9), lines)
    return re.sub(rb"(?<=<0\.)\d{6}(?=>)", lambda _: b"%06d" % (next(number) * 7919 % 10**6), lines)


TRACES = {
    "2012": case("strace.txt"),
    **{
        name: sample(name)
        for name in (
            "strace-f.txt",
            "strace-f-o.txt",
            "strace-tt-T.txt",
            "strace-f-tt-T-y.txt",
            "strace-r-t.txt",
            "strace-kvm.txt",
        )
    },
    "made up": LONG,
}


@pytest.mark.parametrize("name", TRACES)
@pytest.mark.parametrize("size", [3_000, 30_000])
def test_kinds_of_lines_say_the_same_as_the_lines(name: str, size: int) -> None:
    data = varied(TRACES[name], 4 * 10**5 // len(TRACES[name]) + 40)
    found, quick_ones = quickly(data, size)
    assert found == by_lines(data)
    assert quick_ones > 3 or name not in ("2012", "made up")  # the others repeat what strace says at its start and end


ODD = [
    b"[pid 77] 09:36:24.047400 +++ exited with 0 +++",
    b'[pid 79] 09:36:24.047400 read(4, "", 512) = 0 <0.000007>',
    b"[pid 77] 09:36:24.047400 <... read resumed>) = 0 <0.000007>",
    b"[pid 78] 09:36:24.047400 futex(0x55e2e1c07558, FUTEX_WAIT_PRIVATE, 2, NULL <unfinished ...>",
    b'[pid 77] 09:36:24.047400 read(4, ") = 3", 512) = 5 <0.000007>',
    b'[pid 77] 09:36:24.047400 read(4, "", 512) = 0 <12.000007>',
    b'[pid 77] 09:36:24.047400 read(4, "", 512) = 0',
    b'[pid 77] 09:36:24.047400 read(4, "", 512 <unfished ...>',
    b"[pid 77] 09:36:24.047400 select(4, [], [], [], {tv_sec=0, tv_nsec=7}) = 0 <0.000007>",
    b"[pid 77] 09:36:24.047400 --- SIGALRM {si_signo=SIGALRM, si_code=SI_TIMER} ---",
    b"read(4",
    b"",
    b"\x01\x02\xff",
]


def test_a_second_end_of_one_call_is_counted_alone() -> None:
    lines = LONG.split(b"\n")
    lines.insert(543, b"[pid 77] 09:36:24.047400 <... read resumed>) = 0 <0.000007>")
    data = b"\n".join(lines)
    assert quickly(data, 500)[0] == by_lines(data)


def test_the_window_is_that_of_all_lines_wherever_blocks_end() -> None:
    timed = b'[pid 77] 09:36:2%d.000000 read(4, "", 512) = 0\n'
    data = (b'read(5, "", 512) = 1\n' * 300).join(
        timed % second for second in (1, 3, 7)
    ) + b'read(5, "", 512) = 1\n' * 90
    for size in (100, 1_000, 5_000, 100_000):
        (use,) = [fact for fact in quickly(data, size)[0] if isinstance(fact, SyscallUse)]
        assert use.window_ns == 6 * 10**9


SETTERS = b"".join(
    b"timer_settime(0, 0, {it_interval={0, %d}, it_value={0, %d}}, NULL) = 0\n" % (step * 7919 % 10**6, step * 31)
    + b"select(20, [7 10], [], [], {0, %d}) = %d (in [7], left {0, %d})\n" % (step * step % 10**6, step % 3, step)
    + b"ppoll([{fd=4, events=POLLIN}], 1, {tv_sec=%d, tv_nsec=%s}, NULL, 8) = 1 ([{fd=4}], left {tv_sec=0, tv_nsec=%d})\n"
    % (step % 41 == 0, b"0" * (step % 53 == 0) + b"%d" % (step * 77_773 % 10**9), step)
    + b'write(7, "={0, %d left {0, %d, {0, %d}", 9) = 9\n' % (step, step, step)
    for step in range(3000)
)


@pytest.mark.parametrize("size", [5_000, 200_000])
def test_numbers_that_are_left_out_change_nothing(size: int) -> None:
    found, quick_ones = quickly(SETTERS, size)
    assert found == by_lines(SETTERS)
    assert quick_ones > 1


@given(st.lists(st.tuples(st.integers(0, 1599), st.sampled_from(ODD)), max_size=6), st.integers(500, 20_000))
def test_odd_lines_anywhere_change_nothing(odd: list[tuple[int, bytes]], size: int) -> None:
    lines = LONG.split(b"\n")
    for at, line in odd:
        lines.insert(at, line)
    data = b"\n".join(lines)
    assert quickly(data, size)[0] == by_lines(data)
