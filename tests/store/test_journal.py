import hashlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.model.errors import BadInput
from crazytrain.store.journal import FORMAT, Compared, Ended, Kept, Line, Opened, Sealed, decode, encode, scan
from tests.store.samples import WINDOW, evidence, guest

OPENED = Opened(format=FORMAT, tool="crazytrain 0", id="x", guest=guest(), window=WINDOW, note="n")
KEPT = Kept(evidence=evidence(1, 0), file="evidence/tasks.1.txt", bytes=3, sha256="00")


def sealed(*lines: Line) -> bytes:
    before = b"".join(map(encode, lines))
    count = sum(isinstance(line, Kept) for line in lines)
    return before + encode(Sealed(count=count, journal_sha256=hashlib.sha256(before).hexdigest(), files={}))


@pytest.mark.parametrize(
    "line",
    [OPENED, KEPT, Compared(choice="c"), Ended(window=WINDOW), Sealed(count=1, journal_sha256="a", files={"b": "c"})],
)
def test_lines_come_back_as_they_went(line: Line) -> None:
    data = encode(line)
    assert data.endswith(b"\n")
    assert data.count(b"\n") == 1
    assert decode(data[:-1]) == line


def test_no_flipped_byte_of_a_line_goes_unseen() -> None:
    data = encode(KEPT)[:-1]
    for at in range(len(data)):
        broken = bytearray(data)
        broken[at] ^= 0x01
        with pytest.raises(ValueError, match=r"checksum|understood"):
            decode(bytes(broken))


def test_a_sealed_journal_is_whole() -> None:
    found = scan(sealed(OPENED, KEPT, KEPT))
    assert found.sealed is not None
    assert (found.opened, found.kept, found.bad, found.torn) == (OPENED, (KEPT, KEPT), (), False)


@given(st.integers(min_value=1, max_value=10_000))
def test_a_journal_that_is_cut_anywhere_gives_the_lines_before(cut: int) -> None:
    whole = sealed(OPENED, KEPT, KEPT)
    data = whole[: -(cut % len(whole)) or None]
    found = scan(data)
    assert found.bad == ()
    assert len(found.kept) == max(0, min(data.count(b"\n") - 1, 2))
    assert (found.sealed is not None) == (data == whole)


@pytest.mark.parametrize(
    "data",
    [
        sealed(OPENED, KEPT) + encode(KEPT),
        sealed(OPENED, KEPT) + b"{",
        sealed(OPENED, KEPT) + sealed(OPENED, KEPT),
        sealed(OPENED, KEPT).replace(encode(KEPT), b""),
        sealed(OPENED, KEPT, KEPT).replace(encode(KEPT), encode(Kept(evidence=evidence(2, 0))), 1),
        encode(Sealed(count=0, journal_sha256=hashlib.sha256(b"").hexdigest(), files={})),
    ],
)
def test_a_seal_that_does_not_fit_is_no_seal(data: bytes) -> None:
    found = scan(data)
    assert found.sealed is None or found.opened is None
    assert found.bad


def test_the_last_window_holds() -> None:
    later = Ended(window=WINDOW.__class__(wall_ns=1, start_ns=2, end_ns=3))
    assert scan(sealed(OPENED, later)).window == later.window


def test_a_newer_format_is_refused_with_a_hint() -> None:
    newer = Opened(format=FORMAT + 1, tool="t", id="x", guest=None, window=None)
    with pytest.raises(BadInput, match=f"format {FORMAT + 1}") as caught:
        scan(encode(newer))
    assert "newer crazytrain" in caught.value.hint


def test_an_unknown_kind_is_told_and_the_rest_is_read() -> None:
    body = encode(KEPT).replace(b'"kind":"tasks"', b'"kind":"perf"')
    body = body[: -len(b',"crc32":"00000000"}\n')] + b"}"
    line = body[:-1] + b',"crc32":"%08x"}\n' % zlib.crc32(body)
    found = scan(encode(OPENED) + line + encode(KEPT))
    assert found.kept == (KEPT,)
    assert [bad.number for bad in found.bad] == [2]
    assert "newer crazytrain" in found.bad[0].why


def test_a_number_out_of_range_is_a_bad_line() -> None:
    huge = Opened(
        format=1, tool="t", id="x", guest=None, window=WINDOW.__class__(wall_ns=1 << 70, start_ns=0, end_ns=0)
    )
    assert "out of range" in scan(encode(huge)).bad[0].why


@given(st.binary())
def test_any_bytes_are_a_journal_or_a_clear_error(data: bytes) -> None:
    try:
        found = scan(data)
    except BadInput:
        return
    assert found.sealed is None
    assert found.lines + len(found.bad) >= data.count(b"\n")


@given(
    st.lists(
        st.sampled_from(
            [encode(OPENED), encode(KEPT), encode(Compared(choice="c")), b"\n", b"{}\n", b"[" * 5000 + b"\n"]
        )
    )
)
def test_any_order_of_lines_is_read(lines: list[bytes]) -> None:
    found = scan(b"".join(lines))
    assert found.kept == tuple(KEPT for line in lines if line == encode(KEPT))
    assert found.sealed is None
