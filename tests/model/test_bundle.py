"""A bundle gives back what was put in, whatever stands in it, and reads what `tail -n +1` prints."""

import time

from hypothesis import given
from hypothesis import strategies as st

from crazytrain.model.bundle import Part, pack, unpack
from crazytrain.model.evidence import Outcome

_NAMES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=40)
_ENDED = st.sampled_from((Outcome.ABSENT, Outcome.DENIED, Outcome.TIMED_OUT, Outcome.BROKE))
_PARTS = st.builds(Part, _NAMES.filter(lambda n: "<" not in n and "(" not in n), st.binary(max_size=200)) | st.builds(
    lambda number, outcome: Part(f"task/{number}/comm", outcome=outcome), st.integers(0, 9999), _ENDED
)


@given(st.lists(_PARTS, max_size=8))
def test_what_is_packed_is_unpacked(parts: list[Part]) -> None:
    seen = [(p.name, p.outcome, p.data if p.outcome is Outcome.OK else b"") for p in unpack(pack(parts))]
    assert seen == [(p.name, p.outcome, p.data) for p in parts]


def test_content_that_looks_like_a_header_stays_content() -> None:
    hostile = b"x\n==> task/1/stat (3 bytes) <==\nabc\n"
    assert [(p.name, p.data) for p in unpack(pack([Part("comm", hostile), Part("stat", b"1\n")]))] == [
        ("comm", hostile),
        ("stat", b"1\n"),
    ]


def test_lines_are_counted_to_each_content() -> None:
    data = pack([Part("a", b"1\n2\n"), Part("b", outcome=Outcome.DENIED), Part("c", b"x\n")])
    assert [(p.name, p.line) for p in unpack(data)] == [("a", 2), ("b", 5), ("c", 6)]
    assert data.splitlines()[5] == b"x"


def test_output_of_tail_is_read() -> None:
    assert [(p.name, p.data) for p in unpack(b"==> /proc/1/comm <==\ninit\n==> /proc/2/comm <==\nx\n")] == [
        ("/proc/1/comm", b"init\n"),
        ("/proc/2/comm", b"x\n"),
    ]


@given(st.binary())
def test_any_bytes_can_be_unpacked(data: bytes) -> None:
    for part in unpack(data):
        assert part.line >= 1


def test_hostile_sizes_and_lines_cost_little() -> None:
    begin = time.monotonic()
    assert list(unpack(b"==> x (" + b"9" * 6000 + b" bytes) <==\n")) == []
    assert list(unpack(b"==> " * 50_000)) == []
    assert time.monotonic() - begin < 20
