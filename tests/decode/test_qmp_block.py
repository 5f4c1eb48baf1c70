"""Disks and jobs as QEMU 7.2 tells them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.qmp_block import decode_qmp_block
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.block import BlockJob, BlockJobs, BlockReading, DiskReading, DiskState, DiskStates

COUNTERS = {
    "flush_total_time_ns": 9,
    "wr_total_time_ns": 8,
    "rd_total_time_ns": 7,
    "failed_wr_operations": 1,
    "failed_rd_operations": 2,
    "failed_flush_operations": 4,
    "failed_unmap_operations": 8,
    "wr_bytes": 6,
    "rd_bytes": 5,
    "flush_operations": 3,
    "wr_operations": 2,
    "rd_operations": 1,
    "account_failed": True,
    "timed_stats": [],
}
INSERTED = {"iops_rd": 0, "file": "d.img", "drv": "qcow2", "ro": True, "bps": 1000, "cache": {"direct": True}}


def facts(data: bytes) -> list[object]:
    return list(decode_qmp_block(Evidence(id="qmp.0", kind=Kind.QMP, source="QMP", data=data)))


def told(execute: str, said: object) -> Any:
    line = {"execute": execute, "return": said, "mono_ns": 9}
    (found,) = facts(b"\n" + json.dumps(line).encode())
    return found


@pytest.mark.parametrize(
    ("names", "disk"),
    [
        ({"device": "drive0", "qdev": "/machine/peripheral/vd1"}, "drive0"),
        ({"device": "", "qdev": "/machine/peripheral/virtio-disk0/virtio-backend"}, "peripheral/virtio-disk0"),
        ({"node-name": "libvirt-1-format"}, "libvirt-1-format"),
    ],
)
def test_counters(names: dict[str, str], disk: str) -> None:
    reading = told("query-blockstats", [{**names, "stats": COUNTERS, "parent": {"stats": COUNTERS}}])
    assert isinstance(reading, BlockReading)
    assert (reading.mono_ns, str(reading.ref)) == (9, "qmp.0:2")
    assert reading.disks == (
        DiskReading(
            disk=disk,
            reads=1,
            writes=2,
            flushes=3,
            read_bytes=5,
            written_bytes=6,
            read_time_ns=7,
            write_time_ns=8,
            flush_time_ns=9,
            failed=15,
        ),
    )


def test_no_disk_is_a_reading_too() -> None:
    assert told("query-blockstats", []).disks == ()


def test_how_disks_are_set_up() -> None:
    states = told(
        "query-block",
        [
            {"io-status": "nospace", "device": "d1", "inserted": INSERTED, "qdev": "q"},
            {"device": "cd", "type": "unknown"},
        ],
    )
    assert isinstance(states, DiskStates)
    first, second = states.disks
    assert first == DiskState(
        disk="d1",
        file="d.img",
        driver="qcow2",
        io_status="nospace",
        read_only=True,
        throttled=True,
        direct=True,
        frontend="q",
    )
    assert second == DiskState(disk="cd")


def test_jobs() -> None:
    job = {"id": "j", "type": "mirror", "status": "running", "current-progress": 3, "total-progress": 4}
    assert told("query-jobs", [job]).jobs == (BlockJob(id="j", kind="mirror", status="running", done=3, total=4),)
    old = {"device": "drive0", "type": "stream", "offset": 1, "len": 2}
    jobs = told("query-block-jobs", [old])
    assert isinstance(jobs, BlockJobs)
    assert jobs.jobs == (BlockJob(id="drive0", kind="stream", done=1, total=2),)


@pytest.mark.parametrize("said", [7, {}, [7], [{"stats": 7, "inserted": 7, "id": 7}], None, "x"])
@pytest.mark.parametrize("execute", ["query-blockstats", "query-block", "query-jobs"])
def test_another_form_is_passed_over(execute: str, said: object) -> None:
    assert facts(json.dumps({"execute": execute, "return": said}).encode()) == []


@given(st.binary(max_size=2000))
def test_any_bytes(data: bytes) -> None:
    facts(data)
