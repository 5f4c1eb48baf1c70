"""Evidence from inside the guest, as JSON: facts with their evidence, or a clear error."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.inside import decode_inside, decode_inside_log, decode_inside_profile
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.console import LineMeaning
from crazytrain.model.facts.inside import GuestLog, InsideLog, InsideProfile, InsideReading, LogRecord

DECODERS = {
    Kind.INSIDE: decode_inside,
    Kind.INSIDE_PROFILE: decode_inside_profile,
    Kind.INSIDE_LOG: decode_inside_log,
}


def evidence(kind: Kind, data: bytes) -> Evidence:
    return Evidence(id=kind.value, kind=kind, source="/proc/700/mem", data=data, mono_ns=1, wall_ns=1)


def test_a_reading_comes_back_with_its_evidence() -> None:
    reading = InsideReading(mono_ns=7, took_ns=2, load=(0.5, 0.4, 0.3), panicked=False)
    seen = evidence(Kind.INSIDE, msgspec.json.encode(reading))
    assert list(decode_inside(seen)) == [msgspec.structs.replace(reading, refs=(seen.ref(),))]


def test_a_profile_comes_back_with_its_evidence() -> None:
    profile = InsideProfile(start_ns=1, end_ns=2, vcpus=1)
    seen = evidence(Kind.INSIDE_PROFILE, msgspec.json.encode(profile))
    assert list(decode_inside_profile(seen)) == [msgspec.structs.replace(profile, refs=(seen.ref(),))]


def test_the_lines_of_the_log_that_matter_are_picked_out() -> None:
    records = (
        LogRecord(0, 0, 5, "Linux version 6.1.0-56-cloud-amd64"),
        LogRecord(212, 28_072_023_000, 0, "watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [sh:71]"),
        LogRecord(213, 29_000_000_000, 6, "Modules linked in:\x1b[31m"),
    )
    log, matters = decode_inside_log(evidence(Kind.INSIDE_LOG, msgspec.json.encode(InsideLog(records=records))))
    assert isinstance(log, InsideLog)
    assert isinstance(matters, GuestLog)
    assert len(log.records) == 3
    assert [(line.meaning, at_ns) for line, at_ns in zip(matters.matter, matters.at_ns, strict=True)] == [
        (LineMeaning.SOFT_LOCKUP, 28_072_023_000)
    ]
    assert (matters.lines, matters.after_last, matters.last_ns) == (3, 1, 29_000_000_000)


@pytest.mark.parametrize("kind", DECODERS)
@given(data=st.one_of(st.binary(max_size=200), st.sampled_from([b"{}", b"[]", b'{"mono_ns":1e400}', b"[" * 5000])))
def test_anything_else_is_a_clear_error(kind: Kind, data: bytes) -> None:
    with pytest.raises(ValueError, match="no reading of the guest's memory"):
        list(DECODERS[kind](evidence(kind, data)))
