"""LIBVIRT_TEXT: ``virsh domblkstat``, each print-out of it.

    vda rd_req 918273
    vda rd_bytes 61827364556
    vda wr_total_times 918273645546

Source: libvirt, docs/manpages/virsh.rst (domblkstat), tools/virsh-domain-monitor.c.
"""

import re
from collections.abc import Iterable, Iterator

import msgspec

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.block import BlockReading, DiskReading

_MOST_LINES = 200_000
_NAMES = {
    "rd_req": "reads",
    "wr_req": "writes",
    "flush_operations": "flushes",
    "rd_bytes": "read_bytes",
    "wr_bytes": "written_bytes",
    "rd_total_times": "read_time_ns",
    "wr_total_times": "write_time_ns",
    "flush_total_times": "flush_time_ns",
    "errs": "failed",
}
_LINE = re.compile(rf"\s*(?P<disk>\S{{1,200}}) (?P<what>{'|'.join(_NAMES)}) (?P<count>\d{{1,19}})\s*$")


class _Printed(msgspec.Struct):
    disk: str
    line: int
    counts: dict[str, int] = {}


def decode_domblkstat(evidence: Evidence) -> Iterable[object]:
    """Yield a ``BlockReading`` for each print-out; one without a count of requests is none."""
    for one in _printed(evidence.data.decode("utf-8", "replace").split("\n")[:_MOST_LINES]):
        if {"reads", "writes"} & one.counts.keys():
            blank = DiskReading(disk=one.disk, reads=0, writes=0)
            disk = msgspec.structs.replace(blank, **one.counts)
            yield BlockReading(mono_ns=evidence.mono_ns, disks=(disk,), ref=evidence.ref(one.line))


def _printed(lines: Iterable[str]) -> Iterator[_Printed]:
    """A disk's name that changes, or a count that is there already, begins another one."""
    current: _Printed | None = None
    for number, line in enumerate(lines, start=1):
        found = _LINE.match(line[:400])
        if found is None:
            continue
        name = _NAMES[found["what"]]
        if current is None or current.disk != found["disk"] or name in current.counts:
            if current:
                yield current
            current = _Printed(found["disk"], number)
        current.counts[name] = int(found["count"])
    if current:
        yield current
