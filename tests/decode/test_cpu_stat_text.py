"""``cpu.stat`` of a cgroup as somebody printed it."""

from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.cpu_stat_text import decode_cpu_stat
from crazytrain.decode.recognise import split
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.throttling import ThrottleCount

PRINTED = "usage_usec 512000\nuser_usec 400000\nnr_periods 4000\nnr_throttled 3100\nthrottled_usec 91120\n"


def counts(text: str) -> list[tuple[int, int]]:
    evidence = Evidence(id="paste", kind=Kind.PRINTED_FILES, source="paste", data=text.encode())
    return [(one.periods, one.throttled) for one in decode_cpu_stat(evidence) if isinstance(one, ThrottleCount)]


def test_periods_and_those_that_were_used_up() -> None:
    assert counts(PRINTED) == [(4000, 3100)]
    assert counts("/sys/fs/cgroup/vm/cpu.stat:nr_periods 10\n/sys/fs/cgroup/vm/cpu.stat:nr_throttled 0\n") == [(10, 0)]


def test_a_group_without_a_limit_tells_nothing() -> None:
    assert counts("nr_periods 0\nnr_throttled 0\n") == []
    assert counts("nr_throttled 12\n") == []


def test_such_lines_are_recognised_in_a_paste() -> None:
    kinds = {piece.kind for piece in split("paste", ("$ cat cpu.stat\n" + PRINTED).encode())}
    assert Kind.PRINTED_FILES in kinds


@given(st.text(max_size=300))
def test_anything_else_is_no_error(text: str) -> None:
    assert all(periods > 0 for periods, _ in counts(text))
