"""The guest's devices: asked for once and briefly, vhost's queues never, and named in a real guest."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from crazytrain.collect.look import Look
from crazytrain.collect.monitor_devices import collect_devices
from crazytrain.decode.qmp_devices import decode_qmp_devices
from crazytrain.derive.owners import derive_owners, region_at
from crazytrain.derive.virtqueues import derive_virtqueues
from crazytrain.host.fake import FakeHost
from crazytrain.host.live import LiveHost
from crazytrain.model.evidence import Evidence, Kind, Outcome
from crazytrain.model.facts import Facts
from crazytrain.model.facts.devices import DeviceTree, MachineTraits, VirtioReading
from crazytrain.model.guest import Accelerator, Guest, Manager
from tests.collect.making import HOST_FILES, a_guest, look_at, process
from tests.tiny import REAL, boot, until

SOCKET = "/run/web01.qmp"
FILES = {**HOST_FILES, **process(700, "qemu", ["q"])}
GUEST = msgspec.structs.replace(
    a_guest(700), command_line=("qemu", "-qmp", f"unix:{SOCKET},server=on"), manager=Manager.PLAIN
)
DEVICES = {"vd1": {"vhost-started": False}, "net1": {"vhost-started": True}, "off": {"started": False}}
TREES = (
    'FlatView #0\r\n AS "I/O", root: io\r\n  0000000000000070-0000000000000071 (prio 0, i/o): rtc\r\n\r\n'
    'FlatView #1\r\n AS "piix3-usb-uhci", root: bus\r\n  0000000000000000-000000000fffffff (prio 0, i/o): private\r\n'
)


class Answering(FakeHost):
    """A monitor that answers what it is asked; ``fails_from`` makes it fall silent at that conversation."""

    fails_from = 99

    async def converse(self, path: str, commands: Sequence[bytes], **_: Any) -> tuple[bytes, Outcome, str]:
        self.asked.append((path, tuple(commands)))
        if len(self.asked) >= self.fails_from:
            return b"", Outcome.TIMED_OUT, "hangs"
        return b"".join(map(_answer, commands)), Outcome.OK, ""


def _answer(command: bytes) -> bytes:
    asked = json.loads(command)
    return json.dumps({**asked, "return": _said(asked), "mono_ns": 5, "took_ns": 1}).encode() + b"\n"


def _said(asked: dict[str, Any]) -> object:
    arguments = asked.get("arguments", {})
    match asked["execute"]:
        case "human-monitor-command":
            return TREES if "mtree" in arguments["command-line"] else "dev: rtc"
        case "query-cpus-fast":
            return [{"qom-path": "/machine/unattached/device[0]", "cpu-index": 0, "thread-id": 1}]
        case "x-query-virtio":
            return [{"name": "virtio-blk", "path": name} for name in DEVICES]
        case "x-query-virtio-status":
            return {"name": "virtio-blk", "started": True, "num-vqs": 3, **DEVICES[arguments["path"]]}
        case "x-query-virtio-queue-status":
            indices = {"last-avail-idx": 1, "shadow-avail-idx": 1, "used-idx": 1, "inuse": 0}
            return {"name": "virtio-blk", "queue-index": arguments["queue"], "vring-num": 8, **indices}
        case _:
            return True


def collected(host: FakeHost, *, light: bool = False) -> list[Evidence]:
    look, kept = look_at(host, GUEST, seconds=5, light=light)
    asyncio.run(collect_devices(look))
    return kept


def asked(host: FakeHost) -> list[dict[str, Any]]:
    return [json.loads(command) for _, commands in host.asked for command in commands]


def test_devices_once_and_queues_twice() -> None:
    host = Answering(FILES)
    begin = host.now_ns
    kept = collected(host)
    assert [(e.id, e.kind, e.outcome) for e in kept] == [(f"devices.{n}", Kind.QMP_DEVICES, Outcome.OK) for n in (0, 1)]
    assert [round((e.mono_ns - begin) / 1e9, 1) for e in kept] == [1.2, 3.7]
    assert [one["arguments"]["command-line"] for one in asked(host) if "human" in one["execute"]] == [
        "info mtree -f",
        "info qtree",
        "info pci",
    ]


def test_queues_that_vhost_serves_are_left_alone() -> None:
    host = Answering(FILES)
    collected(host)
    queues = [one["arguments"] for one in asked(host) if one["execute"] == "x-query-virtio-queue-status"]
    assert queues == [{"path": "vd1", "queue": number} for number in (0, 1)] * 2


def test_what_other_devices_see_of_memory_is_not_kept() -> None:
    first, _ = collected(Answering(FILES))
    assert b"rtc" in first.data
    assert b"private" not in first.data


def test_a_light_look_has_none() -> None:
    host = Answering(FILES)
    assert collected(host, light=True) == []
    assert host.asked == []


@pytest.mark.parametrize("fails_from", [1, 2, 3])
def test_what_was_answered_before_it_fell_silent_is_kept_and_nothing_more_is_asked(fails_from: int) -> None:
    host = Answering(FILES)
    host.fails_from = fails_from
    kept = collected(host)
    assert (kept[0].outcome, kept[0].detail) == (Outcome.TIMED_OUT, "hangs")
    assert len(host.asked) == fails_from
    assert bool(kept[0].data) is (fails_from > 1)


def test_an_old_qemu_without_virtio_queries_gives_its_trees() -> None:
    class Old(Answering):
        async def converse(self, path: str, commands: Sequence[bytes], **_: Any) -> tuple[bytes, Outcome, str]:
            data, *_ended = await super().converse(path, commands)
            old = [line for line in data.splitlines(keepends=True) if b"x-query" not in line and b"cpus" not in line]
            return b"".join(old), Outcome.OK, ""

    host = Old(FILES)
    (only,) = collected(host)
    assert only.outcome is Outcome.OK
    assert b"rtc" in only.data


def test_another_process_by_the_same_pid() -> None:
    (only,) = collected(Answering({**HOST_FILES, **process(700, "vim", ["vim"], start=501)}))
    assert only.outcome is Outcome.ABSENT


def live(guest: Guest, seconds: float = 1.0) -> list[Evidence]:
    host, kept = LiveHost(), list[Evidence]()
    begin = host.mono_ns()
    look = Look(host=host, guest=guest, start_ns=begin, end_ns=begin + int(seconds * 1e9), keep=kept.append)
    asyncio.run(collect_devices(look))
    return kept


@pytest.mark.real
@pytest.mark.parametrize("accelerator", [Accelerator.TCG, Accelerator.KVM])
def test_a_real_guest(accelerator: Accelerator) -> None:
    devices = (
        *("-device", "piix3-usb-uhci,id=usb", "-device", "usb-tablet,bus=usb.0,id=tablet"),
        *("-blockdev", "null-co,node-name=n,read-zeroes=on", "-device", "virtio-blk-pci,drive=n,id=vd1"),
        *("-global", "mc146818rtc.lost_tick_policy=slew"),
    )
    with boot(REAL, accelerator, *devices) as tiny:
        # The firmware starts the virtio disk to look whether it boots from it.
        until(lambda: any(b"queue-status" in e.data for e in live(tiny.guest, 0)), "the firmware started the disk")
        kept = live(tiny.guest)
    assert [e.outcome for e in kept] == [Outcome.OK] * 2
    facts = Facts(fact for e in kept for fact in decode_qmp_devices(e))
    tree, traits, owners = facts.get(DeviceTree), facts.get(MachineTraits), derive_owners(facts)
    assert tree is not None
    assert [d.label for d in tree.of("usb-tablet")] == ["usb-tablet tablet"]
    assert traits is not None
    assert (traits.machine, traits.rtc_lost_ticks) == ("pc-i440fx-7.2", "slew") or not traits.machine.endswith("7.2")
    assert traits.kvmclock is (accelerator is Accelerator.KVM)
    assert owners is not None
    assert owners.complete
    rtc = region_at(owners.ports, 0x71)
    assert rtc is not None
    assert "rtc" in rtc.name
    assert any("piix3-usb-uhci usb" in region.name for region in owners.ports)
    assert any("virtio-blk-pci vd1" in region.name for region in (*owners.ports, *owners.memory))
    (first, *_) = facts.all(VirtioReading)
    assert [(d.device, d.started, d.vhost) for d in first.devices] == [("virtio-blk", True, False)]
    queues = derive_virtqueues(facts)
    assert queues is not None
    assert [(q.device, q.queue, q.stuck) for q in queues.queues][:1] == [("virtio-blk", 0, False)]
    assert all(e.took_ns < 1e9 for e in kept)
