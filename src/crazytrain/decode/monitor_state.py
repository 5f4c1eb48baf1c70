"""The monitor's answers for people about QEMU itself: status, version, KVM, vCPUs, migration, balloon, character devices."""

import re
from collections.abc import Iterator, Sequence

from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.facts.qemu import QemuState
from crazytrain.model.facts.services import Balloon, Migration

_STATUS = re.compile(r"VM status: (running|paused)(?: \(([\w-]{1,40})\))?")
_KVM = re.compile(r"kvm support: (enabled|disabled|not compiled)")
_MONITOR = re.compile(r"QEMU (\d{1,3})\.(\d{1,3})\.(\d{1,3})\d* monitor")
_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:[ (]?([\w:+.~ -]{0,80})\)?)?$")
_CPU = re.compile(r"[* ]{0,2}CPU #(\d{1,5}):.{0,100}\bthread[_-]id=(\d{1,9})")
_MIGRATION = re.compile(r"(?:Migration status|Status|status): +([a-z][\w-]{2,40})$")
_BALLOON = re.compile(r"balloon: actual=(\d{1,12})(?:$| )")
_AMOUNT = re.compile(r"([a-z ]{3,30}): (\d{1,18}) (kbytes|pages)$")


def state_of(lines: Sequence[str], evidence: Evidence) -> QemuState:
    """What the monitor said of itself, the last word on each matter; empty where it said nothing."""
    found = QemuState(monitor=Outcome.OK, mono_ns=evidence.mono_ns, refs=(evidence.ref(),))
    status, line_of_status, kvm, version, package = "", 0, None, None, ""
    tids: dict[int, int] = {}
    for number, raw in enumerate(lines, 1):
        line = raw[:400].strip()
        if said := _STATUS.match(line):
            status, line_of_status = said[2] or said[1], number
        elif said := _KVM.match(line):
            kvm = said[1] == "enabled"
        elif said := _MONITOR.match(line) or (_VERSION.match(line) if _asked_version(lines, number) else None):
            version = (int(said[1]), int(said[2]), int(said[3]))
            package = said[4] or package if said.re is _VERSION else package
        elif (said := _CPU.match(line)) and len(tids) < 4096:
            tids[int(said[1])] = int(said[2])
    return QemuState(
        monitor=found.monitor,
        mono_ns=found.mono_ns,
        status=status,
        kvm=kvm,
        version=version,
        version_text=package,
        vcpu_tids=tuple(tids[vcpu] for vcpu in sorted(tids)),
        refs=(evidence.ref(line_of_status),) if line_of_status else found.refs,
    )


def _asked_version(lines: Sequence[str], number: int) -> bool:
    """Whether the line before asks for the version: three numbers alone may be anything's."""
    return number > 1 and lines[number - 2].rstrip().endswith("info version")


def monitor_facts(lines: Sequence[str], evidence: Evidence) -> Iterator[object]:
    """Yield ``Migration`` and ``Balloon``, the last of each."""
    migrating = any("ransferred ram" in line or line.strip().startswith("Migration status") for line in lines)
    status, at, amounts = "", 0, dict[str, int]()
    balloon: Balloon | None = None
    for number, raw in enumerate(lines, 1):
        line = raw[:400].strip()
        if migrating and (said := _MIGRATION.match(line)):
            status, at = said[1], number
        elif migrating and (said := _AMOUNT.match(line)):
            amounts[said[1]] = int(said[2]) * (1024 if said[3] == "kbytes" else 1)
        elif said := _BALLOON.match(line):
            balloon = Balloon(mono_ns=0, actual_bytes=int(said[1]) << 20, refs=(evidence.ref(number),))
    if status:
        yield Migration(
            mono_ns=evidence.mono_ns,
            status=status,
            remaining_bytes=amounts.get("remaining ram"),
            total_bytes=amounts.get("total ram"),
            transferred_bytes=amounts.get("transferred ram"),
            dirty_pages_per_s=amounts.get("dirty pages rate"),
            refs=(evidence.ref(at),),
        )
    if balloon:
        yield balloon
