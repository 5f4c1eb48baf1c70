"""DOMSTATS: what libvirt's own calls told, as the same facts that QEMU's monitor gives."""

import re
from collections.abc import Iterable, Iterator, Mapping

from crazytrain.model.bundle import unpack
from crazytrain.model.evidence import Evidence, Outcome, Ref
from crazytrain.model.facts.block import BlockReading, DiskReading
from crazytrain.model.facts.kvm import KvmCounter, KvmStatReading
from crazytrain.model.facts.qemu import QemuState
from crazytrain.model.facts.services import Balloon, Migration

_MOST_NUMBERED = 4096
_PAIR = re.compile(r"^ *([a-z][\w.-]{0,120})=(.{0,1000}?)[ \t]*\r?$", re.MULTILINE)
_STATE = re.compile(r"^([a-z][\w ]{0,40}?) \(([^)\n]{1,80})\)", re.MULTILINE)
_JOB_PAIR = re.compile(r"^([A-Z][\w .]{1,60}?): {1,40}(\S.{0,80}?)[ \t]*\r?$", re.MULTILINE)
_DISK_ERROR = re.compile(r"^(\S{1,200}): (no space|unspecified error)[ \t]*\r?$", re.MULTILINE)
_COUNTER = re.compile(r"vcpu\.(\d{1,5})\.([\w-]{1,80})\.sum")
_LONGEST_NUMBER = 20
# QEMU's word for what libvirt says by state and reason (virsh-domain-monitor.c names them, in English).
_REASONS = {
    "I/O error": "io-error",
    "watchdog": "watchdog",
    "crashed": "guest-panicked",
    "panicked": "guest-panicked",
    "post-copy": "postmigrate",
    "running (post-copy)": "running",
    "paused (post-copy failed)": "postcopy-paused",
}
_STATES = {
    "running": "running",
    "idle": "running",
    "paused": "paused",
    "pmsuspended": "suspended",
    "crashed": "internal-error",
}
_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


def decode_domstats(evidence: Evidence) -> Iterable[object]:
    """Yield ``QemuState``, ``KvmStatReading``, ``BlockReading``, ``Balloon`` and ``Migration``, each as far as it was told.

    Parts are named after virsh's commands. Source: libvirt, virConnectGetAllDomainStats (docs/manpages/virsh.rst). ::

        Domain: 'web01'
          vcpu.0.exits.sum=8655
          block.0.name=vda
          block.0.rd.reqs=17
    """
    parts = {part.name: part for part in unpack(evidence.data)}
    texts = {name: part.text for name, part in parts.items()}
    moment = _number(texts.get("domstats/mono_ns", "").strip()) or evidence.mono_ns
    line = parts["domstats"].line if "domstats" in parts else None
    yield from _state(texts, evidence)
    pairs = dict(_PAIR.findall(texts.get("domstats", "")))
    yield from _counters(pairs, moment, evidence.ref(line))
    yield from _disks(pairs, moment, evidence.ref(line))
    if balloon := _number(pairs.get("balloon.current", "")):
        yield Balloon(mono_ns=moment, actual_bytes=balloon << 10, refs=(evidence.ref(line),))
    yield from _migration(texts.get("domjobinfo", ""), moment, evidence)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER else None


def _state(texts: Mapping[str, str], evidence: Evidence) -> Iterator[QemuState]:
    found = _STATE.match(texts.get("domstate", ""))
    if not found:
        return
    yield QemuState(
        monitor=Outcome.OK,
        told_by="libvirt",
        mono_ns=evidence.mono_ns,
        status=_REASONS.get(f"{found[1]} ({found[2]})", _REASONS.get(found[2], "")) or _STATES.get(found[1], ""),
        status_reason=found[0],
        io_errors=tuple(f"{disk}: {what}" for disk, what in _DISK_ERROR.findall(texts.get("domblkerror", ""))),
        refs=(evidence.ref(),),
    )


def _counters(pairs: Mapping[str, str], moment: int, ref: Ref) -> Iterator[KvmStatReading]:
    """KVM's counters, added up over vCPUs, by the names that ``query-stats`` has."""
    sums: dict[str, int] = {}
    vcpus: set[str] = set()
    for key, text in pairs.items():
        found, value = _COUNTER.fullmatch(key), _number(text)
        if found and value is not None:
            vcpus.add(found[1])
            sums[found[2]] = sums.get(found[2], 0) + value
    if sums:
        counters = tuple(KvmCounter(name, value) for name, value in sorted(sums.items()))
        yield KvmStatReading(mono_ns=moment, counters=counters, vcpus=len(vcpus), ref=ref)


def _disks(pairs: Mapping[str, str], moment: int, ref: Ref) -> Iterator[BlockReading]:
    disks = []
    for number in range(min(_number(pairs.get("block.count", "")) or 0, _MOST_NUMBERED)):
        at = f"block.{number}."
        if f"{at}name" in pairs and f"{at}rd.reqs" in pairs:
            disks.append(_disk({key.removeprefix(at): text for key, text in pairs.items() if key.startswith(at)}))
    if disks:
        yield BlockReading(mono_ns=moment, disks=tuple(disks), ref=ref)


def _disk(pairs: Mapping[str, str]) -> DiskReading:
    known = {key: _number(text) or 0 for key, text in pairs.items()}
    return DiskReading(
        disk=pairs["name"][:200],
        reads=known.get("rd.reqs", 0),
        writes=known.get("wr.reqs", 0),
        flushes=known.get("fl.reqs", 0),
        read_bytes=known.get("rd.bytes", 0),
        written_bytes=known.get("wr.bytes", 0),
        read_time_ns=known.get("rd.times", 0),
        write_time_ns=known.get("wr.times", 0),
        flush_time_ns=known.get("fl.times", 0),
        failed=known.get("errors", 0),
    )


def _migration(text: str, moment: int, evidence: Evidence) -> Iterator[Migration]:
    """``Job type: None`` is no migration; a save, a dump or a backup is a job that migrates or copies, too."""
    pairs = dict(_JOB_PAIR.findall(text))
    kind = pairs.get("Job type")
    if kind is None:
        return
    yield Migration(
        mono_ns=moment,
        status="" if kind == "None" else "active" if kind in ("Bounded", "Unbounded") else kind.lower(),
        operation=pairs.get("Operation", "") if kind != "None" else "",
        remaining_bytes=_bytes(pairs.get("Memory remaining", "")),
        total_bytes=_bytes(pairs.get("Memory total", "")),
        transferred_bytes=_bytes(pairs.get("Memory processed", "")),
        dirty_pages_per_s=_number(pairs.get("Dirty rate", "").removesuffix("pages/s").strip()),
        refs=(evidence.ref(),),
    )


def _bytes(text: str) -> int | None:
    amount, _, unit = text.partition(" ")
    if unit not in _UNITS or not re.fullmatch(r"\d{1,12}(?:\.\d{1,6})?", amount):
        return None
    return int(float(amount) * _UNITS[unit])
