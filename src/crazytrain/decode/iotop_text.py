"""What QEMU's threads read and write, as ``iotop`` prints it.

    Total DISK READ :     812.11 M/s | Total DISK WRITE :       3.02 M/s
     118231 be/4 libvirt-  203.10 M/s    0.00 B/s  0.00 % 61.22 % qemu-system-x86_64 -name guest=files [worker]

Manual: iotop(8). Of several screens the last one counts. Its column IO is the share of the time in which a thread waited for its disk.
"""

import re
from collections.abc import Iterable, Sequence

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.tool_lines import ToolLine, ToolMeaning
from crazytrain.model.figures import share, size

_MOST_LINES, _LONGEST = 50_000, 2000
_RATE = r"(?P<{0}>\d{{1,9}}(?:\.\d{{1,3}})?) (?P<{0}_unit>[BKMG])/s"
_HEAD = re.compile(r"\s*(?:\d\d:\d\d:\d\d )?Total DISK READ ?: ")
_ROW = re.compile(
    rf"\s*(?:\d\d:\d\d:\d\d\s+)?\d{{1,9}} +(?:be|rt|id|\?)\S{{0,6}} +\S{{1,32}} +{_RATE.format('read')} +{_RATE.format('write')}"
    r" +(?:\S+ %|\?\S+) +(?:(?P<waits>\d{1,3}\.\d\d) %|\?\S+) +(?:\S*/)?(?:qemu|kvm|CPU \d+/KVM|IO \S|worker)"
)
_UNITS = {"B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_HEAVY_BYTES_PER_S = 60 << 20
_SLOW_BYTES_PER_S, _WAITS_FROM = 2 << 20, 0.8


def decode_iotop(evidence: Evidence) -> Iterable[object]:
    """Yield a ``ToolLine`` where QEMU moves much, or where it waits for its disks nearly all the time and moves next to nothing.

    ``value`` is in bytes per second, over all of QEMU's rows.
    """
    rows = _last_screen(evidence.data.decode("utf-8", "replace").split("\n")[:_MOST_LINES])
    if not rows:
        return
    moved = sum(_bytes(row, "read") + _bytes(row, "write") for _, row in rows)
    waits = max(float(row["waits"] or 0) / 100 for _, row in rows)
    ref = evidence.ref(rows[0][0])
    if moved >= _HEAVY_BYTES_PER_S:
        text = f"iotop: QEMU's threads read and wrote {size(int(moved))}/s"
        yield ToolLine(meaning=ToolMeaning.MOVES_MUCH, text=text, ref=ref, value=moved)
    elif waits >= _WAITS_FROM and moved <= _SLOW_BYTES_PER_S:
        text = f"iotop: a thread of QEMU waited for its disk {share(waits)} of the time, and all of them moved {size(int(moved))}/s"
        yield ToolLine(meaning=ToolMeaning.DISK_SLOW, text=text, ref=ref, value=moved)


def _last_screen(lines: Sequence[str]) -> list[tuple[int, re.Match[str]]]:
    rows: list[tuple[int, re.Match[str]]] = []
    for number, line in enumerate(lines, start=1):
        if _HEAD.match(line[:_LONGEST]):
            rows = []
        elif found := _ROW.match(line[:_LONGEST]):
            rows.append((number, found))
    return rows


def _bytes(row: re.Match[str], what: str) -> float:
    return float(row[what]) * _UNITS[row[f"{what}_unit"]]
