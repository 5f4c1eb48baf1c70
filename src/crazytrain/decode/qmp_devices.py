"""QMP_DEVICES: what the guest is built of: address map, device tree, virtqueues, CPU features."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from crazytrain.decode import mtree, pci, qtree
from crazytrain.decode.qmp_lines import Line, answers, parsed, text_of
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.devices import (
    DeviceTree,
    MachineTraits,
    VirtioDevice,
    VirtioReading,
    VirtQueueReading,
)

_MOST_QUEUES = 4096
_NAMELESS = ("type", "rtc-time")


class _Status(msgspec.Struct, rename="kebab"):
    name: str = ""
    started: bool = False
    broken: bool = False
    vhost_started: bool = False
    status: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b""))


class _Queue(msgspec.Struct, rename="kebab"):
    name: str = ""
    queue_index: int = 0
    vring_num: int = 0
    inuse: int = 0
    used_idx: int = 0
    last_avail_idx: int | None = None
    shadow_avail_idx: int | None = None
    signalled_used: int = 0
    signalled_used_valid: bool = False


def decode_qmp_devices(evidence: Evidence) -> Iterable[object]:
    """Yield ``AddressMap``, ``DeviceTree``, ``PciDevices``, ``MachineTraits`` and ``VirtioReading`` as far as they were asked for.

    Source: QEMU, qapi/{qom,virtio}.json; see ``decode_mtree`` and ``decode_qtree`` for texts.
    """
    lines = tuple(answers(evidence))
    trees: list[DeviceTree] = []
    for line in lines:
        if line.answer.arguments.command_line == mtree.COMMAND:
            yield from mtree.decode_mtree(line, text_of(line))
        elif line.answer.arguments.command_line == qtree.COMMAND:
            trees.extend(qtree.decode_qtree(line, text_of(line)))
        elif line.answer.arguments.command_line == pci.COMMAND:
            yield from pci.decode_pci(line, text_of(line))
    yield from trees
    yield from _traits(lines, trees)
    yield from _virtio(lines)


def _traits(lines: Sequence[Line], trees: Sequence[DeviceTree]) -> Iterator[MachineTraits]:
    asked = [line for line in lines if line.answer.execute == "qom-get"]
    if not asked and not trees:
        return
    flags = {
        line.answer.arguments.property: parsed(bool, line.answer.said)
        for line in asked
        if line.answer.arguments.property not in _NAMELESS
    }
    machine = next((parsed(str, x.answer.said) or "" for x in asked if x.answer.arguments.property == "type"), "")
    tree = trees[0] if trees else None
    yield MachineTraits(
        machine=machine.removesuffix("-machine"),
        rtc_lost_ticks=_policy(tree, "mc146818rtc"),
        pit_lost_ticks=_policy(tree, "kvm-pit"),
        hpet=bool(tree.of("hpet")) if tree else None,
        kvmclock=bool(tree.of("kvmclock")) if tree else flags.get("kvmclock"),
        features=tuple(sorted(name for name, on in flags.items() if on)),
        features_off=tuple(sorted(name for name, on in flags.items() if on is False)),
        refs=(*(tree.refs if tree else ()), *(line.ref for line in asked[:1])),
    )


def _policy(tree: DeviceTree | None, driver: str) -> str:
    found = tree.of(driver) if tree else ()
    return (found[0].setting("lost_tick_policy") or "") if found else ""


def _virtio(lines: Sequence[Line]) -> Iterator[VirtioReading]:
    devices = [(line, device) for line in _of(lines, "x-query-virtio-status") if (device := _device(line))]
    queues = [(line, queue) for line in _of(lines, "x-query-virtio-queue-status") if (queue := _queue(line))]
    if devices or queues:
        seen = [line for line, _ in queues] or [line for line, _ in devices]
        yield VirtioReading(
            mono_ns=seen[0].answer.mono_ns,
            devices=tuple(one for _, one in devices),
            queues=tuple(one for _, one in queues[:_MOST_QUEUES]),
            refs=(seen[0].ref,),
        )


def _of(lines: Sequence[Line], execute: str) -> Iterator[Line]:
    return (line for line in lines if line.answer.execute == execute)


def _device(line: Line) -> VirtioDevice | None:
    found = parsed(_Status, line.answer.said)
    if found is None:
        return None
    return VirtioDevice(
        device=found.name,
        path=line.answer.arguments.path,
        started=found.started,
        broken=found.broken,
        vhost=found.vhost_started,
        needs_reset=b"NEEDS_RESET" in bytes(found.status),
    )


def _queue(line: Line) -> VirtQueueReading | None:
    found = parsed(_Queue, line.answer.said)
    if found is None or not found.vring_num or found.last_avail_idx is None:
        return None
    return VirtQueueReading(
        device=found.name,
        path=line.answer.arguments.path,
        queue=found.queue_index,
        size=found.vring_num,
        taken=found.last_avail_idx,
        offered=found.shadow_avail_idx or 0,
        used=found.used_idx,
        in_use=found.inuse,
        signalled=found.signalled_used if found.signalled_used_valid else None,
    )
