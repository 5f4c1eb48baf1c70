"""KVM's binary statistics and epoll sets: only what grows, only what is there, and a clear word on what does not fit."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.epoll_sets import decode_epoll_sets
from crazytrain.decode.eventfd_counts import decode_eventfd_counts
from crazytrain.decode.kvm_stats import decode_kvm_stats
from crazytrain.model.bundle import Part, pack
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Evidence, Kind, Outcome
from crazytrain.model.facts import EpollSet, EpollWatch, EventfdCount, EventfdCounts, KvmStatReading

NAME_BYTES = 48
CUMULATIVE, INSTANT, HISTOGRAM = 0, 1, 4


def statistics(*values: tuple[str, int, int, tuple[int, ...]]) -> bytes:
    """One descriptor's content as the kernel lays it out: (name, type, unit and base bits, numbers)."""
    first = 24 + NAME_BYTES
    data = first + len(values) * (16 + NAME_BYTES)
    header = struct.pack("=IIIIII", 0, NAME_BYTES, len(values), 24, first, data)
    rows, body = b"", b""
    for name, kind, more, numbers in values:
        rows += struct.pack("=IhHII", kind | more, -9, len(numbers), len(body), 0) + name.encode().ljust(
            NAME_BYTES, b"\0"
        )
        body += struct.pack(f"={len(numbers)}Q", *numbers)
    return header + b"kvm-4711/vcpu-0".ljust(NAME_BYTES, b"\0") + rows + body


VCPU = statistics(
    ("exits", CUMULATIVE, 0, (1000,)),
    ("halt_poll_success_ns", CUMULATIVE, 0x20, (12_345,)),
    ("halt_poll_success_hist", HISTOGRAM, 0x20, (1, 2, 3)),
    ("guest_mode", INSTANT, 0x40, (1,)),
)
VM = statistics(("remote_tlb_flush", CUMULATIVE, 0, (7,)), ("pages_4k", INSTANT, 0, (99,)))


def evidence(*lines: object) -> Evidence:
    data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    return Evidence(id="kvm-stats.0", kind=Kind.KVM_STATS, source="statistics", data=data)


def line(fd: int, target: str, raw: bytes = b"", error: str = "") -> dict[str, object]:
    return {"fd": fd, "target": target, "mono_ns": 40 + fd, "hex": raw.hex(), "error": error}


def reading(*lines: object) -> KvmStatReading:
    (found,) = decode_kvm_stats(evidence(*lines))
    assert isinstance(found, KvmStatReading)
    return found


def test_counters_are_added_up_over_vcpus_and_the_vm_keeps_its_own() -> None:
    found = reading(
        line(20, "anon_inode:kvm-vm-stats", VM),
        line(21, "anon_inode:kvm-vcpu-stats:0", VCPU),
        line(22, "anon_inode:kvm-vcpu-stats:1", VCPU),
    )
    assert {one.name: one.value for one in found.counters} == {
        "exits": 2000,
        "halt_poll_success_ns": 24_690,
        "vm.remote_tlb_flush": 7,
    }
    assert (found.vcpus, found.mono_ns, found.ref.evidence) == (2, 60, "kvm-stats.0")


def test_one_that_could_not_be_read_does_not_count_as_a_vcpu() -> None:
    found = reading(
        line(21, "anon_inode:kvm-vcpu-stats:0", VCPU), line(22, "anon_inode:kvm-vcpu-stats:1", error="denied")
    )
    assert found.vcpus == 1


@pytest.mark.parametrize(
    "bad", [VM[:-16], VCPU[:20], struct.pack("=IIIIII", 0, 48, 1 << 31, 24, 72, 200), b"\xff" * 100]
)
def test_statistics_that_do_not_fit_their_header_are_named(bad: bytes) -> None:
    with pytest.raises(BadInput, match=r"line 1 \(kvm-stats.0\)"):
        list(decode_kvm_stats(evidence(line(21, "anon_inode:kvm-vcpu-stats:0", bad))))


@given(st.binary(max_size=400))
def test_any_bytes_give_a_reading_or_a_clear_error(raw: bytes) -> None:
    for given_data in (raw, evidence(line(1, "anon_inode:kvm-vcpu-stats:0", raw)).data):
        try:
            list(decode_kvm_stats(Evidence(id="x", kind=Kind.KVM_STATS, source="s", data=given_data)))
        except BadInput as error:
            assert "line" in error.message  # noqa: PT017 - only where there is an error


# Verbatim, from Linux 6.18: a set of three descriptors.
FDINFO = b"""pos:\t0
flags:\t02000002
mnt_id:\t17
ino:\t1063
tfd:       12 events: 40000019 data:     563f0c2a9f10  pos:0 ino:63e sdev:f
tfd:       10 events:       19 data:     563f0c2a9e30  pos:0 ino:427 sdev:10
tfd:        3 events:        4 data: ffffffff00000003  pos:0 ino:1 sdev:1
"""


def test_what_an_epoll_set_watches() -> None:
    parts = (
        Part("/proc/7/fd/9", b"anon_inode:[eventpoll]"),
        Part("/proc/7/fdinfo/9", FDINFO),
        Part("/proc/7/fdinfo/8", b"pos:\t0\neventfd-count: 0\n"),
        Part("/proc/7/fdinfo/5", outcome=Outcome.DENIED),
    )
    (found,) = decode_epoll_sets(
        Evidence(id="descriptors.0", kind=Kind.DESCRIPTORS, source="/proc/7/fd", data=pack(parts))
    )
    assert isinstance(found, EpollSet)
    assert found.fd == 9
    assert found.watches == (
        EpollWatch(fd=12, events=0x40000019, data=0x563F0C2A9F10),
        EpollWatch(fd=10, events=0x19, data=0x563F0C2A9E30),
        EpollWatch(fd=3, events=4, data=0xFFFFFFFF00000003),
    )


@given(st.binary(max_size=200))
def test_any_bytes_of_fdinfo_are_harmless(raw: bytes) -> None:
    parts = pack((Part("/proc/7/fdinfo/9", b"tfd:" + raw),))
    list(decode_epoll_sets(Evidence(id="d", kind=Kind.DESCRIPTORS, source="s", data=parts)))


def test_an_eventfds_counter_is_read_as_the_kernel_writes_it() -> None:
    raw = b"pos:\t0\nflags:\t04002\nmnt_id:\t17\nino:\t1063\neventfd-count:               28\neventfd-id: 41\neventfd-semaphore: 0\n"
    parts = pack((Part("/proc/7/fdinfo/5", raw), Part("/proc/7/fdinfo/6", FDINFO)))
    (found,) = decode_eventfd_counts(Evidence(id="descriptors.0", kind=Kind.DESCRIPTORS, source="s", data=parts))
    assert isinstance(found, EventfdCounts)
    assert found.counts == (EventfdCount(5, 40, 41),)
