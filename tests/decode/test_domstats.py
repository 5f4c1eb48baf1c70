"""What virsh printed: as libvirt 9.0 does, each state, hostile text."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.domstats import decode_domstats
from crazytrain.decode.libvirt_events import decode_libvirt_events
from crazytrain.model.bundle import Part, pack
from crazytrain.model.evidence import Evidence, Kind, Outcome
from crazytrain.model.facts import KvmCounter, KvmStatReading, QemuState
from crazytrain.model.facts.block import BlockReading, DiskReading
from crazytrain.model.facts.services import Balloon, Migration, QemuEvent

DOMSTATS = """Domain: 'k1'
  state.state=1
  balloon.current=65536
  vcpu.current=2
  vcpu.0.time=520000000
  vcpu.0.exits.sum=3170
  vcpu.0.guest_mode.cur=no
  vcpu.0.halt_exits.sum=1
  vcpu.1.exits.sum=30
  vcpu.1.halt_exits.sum=2
  block.count=2
  block.0.name=hda
  block.0.path=/tmp/k1.img
  block.0.rd.reqs=1
  block.0.rd.bytes=512
  block.0.rd.times=2194822
  block.0.wr.reqs=2
  block.0.wr.bytes=3
  block.0.wr.times=4
  block.0.fl.reqs=5
  block.0.fl.times=6
  block.1.name=vda
  vm.pages_4k.cur=0
"""
JOB = """Job type:         Unbounded
Operation:        Outgoing migration
Time elapsed:     1204         ms
Memory processed: 100.500 MiB
Memory remaining: 28.000 MiB
Memory total:     1.000 GiB
Dirty rate:       7          pages/s
"""


def facts(**parts: str) -> list[object]:
    told = [Part(name.replace("_at", "/mono_ns"), text.encode()) for name, text in parts.items()]
    return list(
        decode_domstats(Evidence(id="domstats.0", kind=Kind.DOMSTATS, source="virsh", data=pack(told), mono_ns=11))
    )


def one(kind: type, **parts: str) -> Any:
    (found,) = [fact for fact in facts(**parts) if isinstance(fact, kind)]
    return found


def test_counters_are_those_of_query_stats_added_up() -> None:
    reading = one(KvmStatReading, domstats_at="77\n", domstats=DOMSTATS)
    assert reading.counters == (KvmCounter("exits", 3200), KvmCounter("halt_exits", 3))
    assert (reading.mono_ns, reading.vcpus, reading.ref.evidence) == (77, 2, "domstats.0")


def test_disks_that_were_counted() -> None:
    reading = one(BlockReading, domstats=DOMSTATS)
    assert reading.mono_ns == 11
    assert reading.disks == (
        DiskReading(
            disk="hda",
            reads=1,
            writes=2,
            flushes=5,
            read_bytes=512,
            written_bytes=3,
            read_time_ns=2194822,
            write_time_ns=4,
            flush_time_ns=6,
        ),
    )


def test_the_balloon_is_told_in_kib() -> None:
    assert one(Balloon, domstats=DOMSTATS).actual_bytes == 64 << 20


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("running (booted)", "running"),
        ("paused (user)", "paused"),
        ("paused (I/O error)", "io-error"),
        ("paused (watchdog)", "watchdog"),
        ("crashed (panicked)", "guest-panicked"),
        ("paused (crashed)", "guest-panicked"),
        ("paused (post-copy)", "postmigrate"),
        ("pmsuspended (unknown)", "suspended"),
        ("in shutdown (user)", ""),
    ],
)
def test_states(text: str, status: str) -> None:
    state = one(QemuState, domstate=f"{text}\n")
    assert (state.status, state.status_reason, state.told_by, state.monitor) == (status, text, "libvirt", Outcome.OK)


@pytest.mark.parametrize("text", ["", "error: x", "\n\n"])
def test_a_state_that_cannot_be_read_is_no_state(text: str) -> None:
    assert facts(domstate=text) == []


def test_errors_of_disks() -> None:
    state = one(QemuState, domstate="paused (I/O error)", domblkerror="vda: no space\nvdb: unspecified error\n")
    assert state.io_errors == ("vda: no space", "vdb: unspecified error")


def test_a_job() -> None:
    seen = one(Migration, domjobinfo=JOB)
    assert (seen.status, seen.operation) == ("active", "Outgoing migration")
    assert (seen.remaining_bytes, seen.total_bytes) == (28 << 20, 1 << 30)
    assert (seen.transferred_bytes, seen.dirty_pages_per_s) == (int(100.5 * (1 << 20)), 7)


def test_no_job() -> None:
    seen = one(Migration, domjobinfo="Job type:         None        \n")
    assert (seen.status, seen.operation) == ("", "")


@given(st.binary(max_size=2000))
def test_any_bytes(data: bytes) -> None:
    list(decode_domstats(Evidence(id="d", kind=Kind.DOMSTATS, source="virsh", data=data)))


@given(st.text(alphabet=st.sampled_from("vcpu.block01namerdqs=exits\n "), max_size=800))
def test_any_text(text: str) -> None:
    facts(domstats=text, domjobinfo=text, domblkerror=text, domstate=text)


EVENTS = (
    b"2026-11-23 12:00:00.840+0000: event RESET for domain 'k1': {\"guest\":false}\n"
    b"2026-11-23 12:00:00.983+0000: event STOP for domain 'it's: x': <null>\n"
    b"2026-99-99 12:00:00.983+0000: event STOP for domain 'x': <null>\n"
    b"event loop timed out\nevents received: 2\n"
)


def test_events() -> None:
    evidence = Evidence(id="events.0", kind=Kind.LIBVIRT_EVENTS, source="virsh", data=EVENTS)
    first, second = decode_libvirt_events(evidence)
    assert first == QemuEvent(
        name="RESET", wall_ns=1_795_435_200_840 * 10**6, says='{"guest":false}', ref=evidence.ref(1)
    )
    assert (second.name, second.says) == ("STOP", "")


@given(st.binary(max_size=500))
def test_any_bytes_as_events(data: bytes) -> None:
    list(decode_libvirt_events(Evidence(id="e", kind=Kind.LIBVIRT_EVENTS, source="virsh", data=data + EVENTS)))
