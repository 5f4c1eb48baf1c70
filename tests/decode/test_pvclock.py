"""kvmclock pages: recorded from a real guest, before and after its clock was set back."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.pvclock import decode_pvclock
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts import PvclockReading

RAW = "02000000000000003781117d13090000b1e7e40000000000b258ecc4ff010000"


def decoded(data: bytes) -> PvclockReading:
    (reading,) = decode_pvclock(Evidence(id="pvclock.0", kind=Kind.PVCLOCK, source="/proc/1/mem", data=data))
    assert isinstance(reading, PvclockReading)
    return reading


def search(*raw: str) -> bytes:
    pages = [{"address": 0x9000, "raw": one, "mono_ns": 5} for one in raw]
    return json.dumps({"searched_bytes": 6291456, "skipped_bytes": 1, "uptime_ns": 2 * 10**9, "pages": pages}).encode()


def test_a_real_page() -> None:
    reading = decoded(search(RAW))
    (page,) = reading.pages
    assert (reading.searched_bytes, reading.uptime_ns, str(reading.ref)) == (6291456, 2 * 10**9, "pvclock.0")
    assert (page.address, page.version, page.tsc_timestamp, page.mono_ns) == (0x9000, 2, 0x09137D118137, 5)
    assert (page.system_time_ns, page.tsc_to_system_mul, page.tsc_shift, page.flags) == (15001521, 0xC4EC58B2, -1, 1)
    assert page.tsc_hz == pytest.approx(2_599_995_000, rel=2e-6)  # the host's bogomips were 5199.99
    assert page.raw.hex() == RAW


def test_a_clock_that_was_set_back_below_zero() -> None:
    wrapped = RAW[:32] + (18446740490833494060).to_bytes(8, "little").hex() + RAW[48:]
    (page,) = decoded(search(wrapped)).pages
    assert page.system_time_ns == 18446740490833494060
    assert page.signed_ns == pytest.approx(-3582.9e9, rel=1e-3)


def test_none_found_is_a_reading_too() -> None:
    assert decoded(search()).pages == ()


def test_pages_that_are_none_are_left_out() -> None:
    assert decoded(search("zz", RAW[:-2], "", RAW)).pages == decoded(search(RAW)).pages


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"\xff", b"[" * 100_000, b'{"searched_bytes": "x"}'])
def test_what_is_no_search_is_told(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"pvclock\.0: no search for kvmclock pages"):
        decoded(data)


@given(st.binary(max_size=500))
def test_any_bytes_give_a_reading_or_a_clear_error(data: bytes) -> None:
    with contextlib.suppress(ValueError):  # whose words the test above looks at
        assert isinstance(decoded(data), PvclockReading)


@given(st.binary(min_size=32, max_size=32))
def test_any_page(raw: bytes) -> None:
    (page,) = decoded(search(raw.hex())).pages
    assert page.tsc_hz >= 0
    assert -(1 << 63) <= page.signed_ns < 1 << 63
