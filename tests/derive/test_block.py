"""Disks, virtqueues and the balloon between two readings."""

from typing import Any

import pytest

from crazytrain.derive.balloon import derive_balloon
from crazytrain.derive.block import derive_block
from crazytrain.derive.virtqueues import derive_virtqueues
from crazytrain.model.evidence import Ref
from crazytrain.model.facts import Facts
from crazytrain.model.facts.block import BlockReading, DiskReading, DiskUse
from crazytrain.model.facts.devices import VirtioReading, VirtQueueReading, VirtQueueUse
from crazytrain.model.facts.services import Balloon

S = 10**9


def reading(at_s: int, *disks: DiskReading) -> BlockReading:
    return BlockReading(mono_ns=at_s * S, disks=disks, ref=Ref(f"qmp.{at_s}", 1))


def disk(**counters: Any) -> DiskReading:
    return DiskReading(**{"disk": "vda", **counters})


def test_one_reading_is_no_rate() -> None:
    assert derive_block(Facts()) is None
    assert derive_block(Facts([reading(1, disk())])) is None


def test_rates_latencies_and_depth() -> None:
    first = disk(reads=10, writes=100, read_bytes=0, read_time_ns=0, failed=3)
    last = disk(reads=30, writes=100, flushes=2, read_bytes=4096, read_time_ns=1 * S, flush_time_ns=1 * S, failed=4)
    use = derive_block(Facts([reading(1, first), reading(3, last)]))
    assert use is not None
    assert use.window_ns == 2 * S
    assert [str(ref) for ref in use.refs] == ["qmp.1:1", "qmp.3:1"]
    assert use.disks == (
        DiskUse(
            disk="vda",
            reads_per_s=10.0,
            flushes_per_s=1.0,
            read_bytes_per_s=2048.0,
            read_ns=0.05 * S,
            flush_ns=0.5 * S,
            in_flight=1.0,
            failed=1,
        ),
    )
    assert use.disks[0].requests_per_s == 11.0


def test_a_disk_that_came_or_was_reset_has_no_rate() -> None:
    use = derive_block(Facts([reading(1, disk(reads=10)), reading(2, disk(reads=3), disk(disk="new", reads=9))]))
    assert use is not None
    assert use.disks == ()


def test_names_of_libvirt_and_of_qemu_are_not_mixed() -> None:
    theirs, ours = disk(disk="vda", reads=5), disk(disk="drive0", reads=5)
    use = derive_block(Facts([reading(1, ours), reading(2, theirs), reading(4, disk(reads=9))]))
    assert use is not None
    assert (use.window_ns, use.disks[0].reads_per_s) == (2 * S, 2.0)


def queue(taken: int, used: int, in_use: int, device: str = "virtio-blk") -> VirtQueueReading:
    return VirtQueueReading(
        device=device, path="/p", queue=0, size=256, taken=taken, offered=taken, used=used, in_use=in_use
    )


def use_of(*queues: VirtQueueReading) -> VirtQueueUse | None:
    facts = Facts(
        VirtioReading(mono_ns=n * S, devices=(), queues=(one,), refs=(Ref(f"devices.{n}"),))
        for n, one in enumerate(queues)
    )
    found = derive_virtqueues(facts)
    return found.queues[0] if found else None


@pytest.mark.parametrize(
    ("first", "last", "per_s", "stuck"),
    [
        (queue(65530, 65530, 0), queue(4, 4, 0), 10.0, False),  # indices wrap
        (queue(9, 5, 4), queue(9, 5, 4), 0.0, True),
        (queue(9, 5, 4), queue(10, 6, 4), 1.0, False),
        (queue(9, 9, 0), queue(10, 9, 1), 0.0, False),  # it has only just come
        (queue(9, 8, 1, "virtio-balloon"), queue(9, 8, 1, "virtio-balloon"), 0.0, False),  # it keeps one for later
    ],
)
def test_virtqueues(first: VirtQueueReading, last: VirtQueueReading, per_s: float, *, stuck: bool) -> None:
    use = use_of(first, last)
    assert use is not None
    assert (use.used_per_s, use.stuck) == (per_s, stuck)


def test_one_look_at_a_queue_tells_no_rate() -> None:
    assert use_of(queue(1, 1, 0)) is None


def test_a_balloon_that_moves() -> None:
    def at(second: int, actual: int) -> Balloon:
        return Balloon(mono_ns=second * S, actual_bytes=actual, refs=(Ref("qmp.0"),))

    assert derive_balloon(Facts([at(1, 100)])) is None
    use = derive_balloon(Facts([at(3, 70), at(1, 100)]))
    assert use is not None
    assert (use.window_ns, use.actual_bytes, use.grown_bytes) == (2 * S, 70, -30)
