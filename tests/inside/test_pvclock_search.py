"""The search for kvmclock pages finds what KVM writes and hardly anything else."""

import random
import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.inside.pvclock_search import PAGE_BYTES, Candidate, Here, believe, candidates, page_of
from crazytrain.model.facts import PvclockPage

S = 10**9
MINUTE = 60 * S
HERE = Here(tsc_hz=2.6e9, guest_ns=MINUTE, host_ns=100 * MINUTE)
# What looked most like a page in 512 MiB of an idle Linux 6.1 under TCG, which has no kvmclock.
LOOKALIKES = [
    (4294892426, 4294892426, 4294892426, 0xFFFEDB8A, 0, 0),
    (163072204, 274333662445568, -209002328293375, 0x801F0FFF, 0, 0),
    (19556, 133053791862784, 2753649562353664, 0x8400000C, 0, 1),
    (237703168, 243269631, -1829959466, 0x81000200, 0, 0),
    (4276092928, 4276097023, -1829915076, 0x80000200, 0, 0),
    (47176, 483787419516928, -70360107646976, 0x801F0FC3, 0, 0),
    (44, 4315583659019844, 1005968, 0xFFFFFFFF, 0, 0),
    (44, 4503600147341728, 519971232, 0xFFFFFFFF, 0, 0),
    (1048576, 536739839, -1829958096, 0x81000200, 0, 0),
]


def raw(
    *,
    version: int = 2,
    tsc: int = 5 * 26 * 10**8,
    time_ns: int = 5 * S,
    hz: float = 2.6e9,
    mul: int = 0,
    flags: int = 1,
) -> bytes:
    """A page as KVM scales it: the multiplier has its top bit set, the shift makes up for it."""
    shift = 0
    scale = 1e9 * 2**32 / hz
    while scale < 2**31:
        scale, shift = scale * 2, shift - 1
    while scale >= 2**32:
        scale, shift = scale / 2, shift + 1
    return struct.pack("<IIQQIbBH", version, 0, tsc, time_ns % 2**64, mul or int(scale), shift, flags, 0)


def found(data: bytes, address: int = 0) -> list[Candidate]:
    return list(candidates(data, address))


def believed(data: bytes, here: Here = HERE) -> list[int]:
    return [page.address for page in believe(found(data), here).pages]


def memory(size: int = 1 << 20, **pages: bytes) -> bytes:
    """Empty memory with pages at hexadecimal places: ``at_8000=raw()``."""
    data = bytearray(size)
    for name, page in pages.items():
        place = int(name.removeprefix("at_"), 16)
        data[place : place + len(page)] = page
    return bytes(data)


@pytest.mark.parametrize("hz", [0.8e9, 1e9, 1.7e9, 2e9, 2.1e9, 2.6e9, 3.4e9, 4.2e9, 5.7e9])
def test_a_page_is_found_at_any_usual_frequency(hz: float) -> None:
    (one,) = found(memory(at_8000=raw(hz=hz, tsc=int(5 * hz))), 0x100000)
    assert (one.page.address, one.apart) == (0x108000, True)
    assert one.page.tsc_hz == pytest.approx(hz, rel=1e-6)
    here = Here(tsc_hz=hz, guest_ns=MINUTE, host_ns=MINUTE)
    assert believed(memory(at_8000=raw(hz=hz, tsc=int(5 * hz))), here) == [0x8000]


def test_the_fields_are_read_as_written() -> None:
    (one,) = found(memory(at_40=raw(version=6, tsc=7 * 10**9, time_ns=-3600 * S, flags=3)))
    page = one.page
    assert (page.version, page.tsc_timestamp, page.signed_ns, page.flags) == (6, 7 * 10**9, -3600 * S, 3)
    assert page.raw == raw(version=6, tsc=7 * 10**9, time_ns=-3600 * S, flags=3)


def test_the_pages_of_all_vcpus_are_found() -> None:
    array = b"".join(raw(version=v) + bytes(32) for v in (2, 4, 6, 8))
    assert believed(memory(at_201000=array, size=4 << 20)) == [0x201000, 0x201040, 0x201080, 0x2010C0]


@pytest.mark.parametrize(
    "broken",
    [
        raw(version=3),  # just being written
        raw(version=0),
        raw(tsc=0),
        raw(tsc=1000),
        raw(tsc=2**63),
        raw(time_ns=200 * 365 * 86400 * S),
        raw(hz=0.1e9),
        raw(hz=9e9),
        raw(mul=0x7FFFFFFF),
        raw(hz=1.00001e9),
        raw(flags=8),
        raw()[:30] + b"\1\0",
        raw()[:4] + b"\1" + raw()[5:],
        bytes(32),
        b"\xff" * 32,
    ],
)
def test_what_kvm_would_not_write(broken: bytes) -> None:
    assert found(memory(at_8000=broken)) == []


def test_a_clock_that_was_set_back_is_believed() -> None:
    assert believed(memory(at_8000=raw(time_ns=-3582 * S))) == [0x8000]
    assert believed(memory(at_8000=raw(time_ns=40 * 365 * 86400 * S))) == [0x8000]


def test_far_off_and_not_apart_is_not_believed() -> None:
    beside = memory(at_8000=raw(time_ns=-3582 * S), at_8020=b"something")
    assert len(found(beside)) == 1
    assert believed(beside) == []
    assert believed(memory(at_8000=raw(), at_8020=b"something")) == [0x8000]  # its time is an ordinary one


def test_another_scale_needs_a_second_page_beside_it() -> None:
    other = raw(hz=2.2e9)
    assert believed(memory(at_8000=other)) == []
    assert believed(memory(at_8000=other, at_f000=other)) == []
    assert believed(memory(at_8000=other, at_8040=other)) == [0x8000, 0x8040]
    far = raw(hz=1.5e9)
    assert believed(memory(at_8000=far, at_8040=far)) == []
    unknown = Here(tsc_hz=None, guest_ns=MINUTE, host_ns=MINUTE)
    assert believed(memory(at_8000=far, at_8040=far), unknown) == [0x8000, 0x8040]
    assert believed(memory(at_8000=raw()), unknown) == []


def test_the_hosts_own_scale_comes_first() -> None:
    other = raw(hz=2.2e9)
    assert believed(memory(at_7000=other, at_7040=other, at_8000=raw())) == [0x8000]


def test_lookalikes_of_a_real_linux_are_not_believed() -> None:
    pages = [
        struct.pack("<IIQQIbBH", v, 0, tsc, time % 2**64, mul, shift, flags, 0)
        for v, tsc, time, mul, shift, flags in LOOKALIKES
    ]
    data = memory(4096, **{f"at_{64 * i:x}": page + b"something" for i, page in enumerate(pages)})
    assert len(found(data)) == 6
    for mhz in range(400, 7000):
        assert believed(data, Here(tsc_hz=mhz * 1e6, guest_ns=MINUTE * 60, host_ns=MINUTE * 600)) == []


def test_random_bytes_are_no_clock() -> None:
    noise = random.Random(4)
    assert [one for _ in range(64) for one in found(noise.randbytes(1 << 20))] == []


def test_it_is_fast_enough_for_a_bounded_look() -> None:
    data = [random.Random(seed).randbytes(1 << 20) for seed in (1, 2)] + [
        bytes(1 << 20),
        b"\0\0\0\x90\0\0\0\0" * (1 << 17),
    ]
    began = time.process_time()
    for _ in range(6):
        for one in data:
            found(one)
    assert time.process_time() - began < 24 * 0.05  # 24 MiB; about 1 ms each on an idle machine


@given(st.binary(max_size=300), st.integers(0, 9))
def test_any_bytes(data: bytes, place: int) -> None:
    for one in found(data):
        assert one.page.address % 32 == 0
        assert one.page.raw == data[one.page.address : one.page.address + PAGE_BYTES]
    whole = raw() + bytes(32)
    with_page = bytes(64 * place) + whole + data
    assert 64 * place in [one.page.address for one in found(with_page)]


@given(st.binary(max_size=40))
def test_a_page_has_32_bytes(data: bytes) -> None:
    page = page_of(data, 0)
    assert isinstance(page, PvclockPage) == (len(data) == PAGE_BYTES)
