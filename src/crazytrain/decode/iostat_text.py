"""What ``iostat -x`` says of each disk of a machine: how long its requests took, and how busy it was.

    Device            r/s     rkB/s ... r_await     w/s ... w_await  aqu-sz  %util
    sda              0.20      0.80     8120.50    1.40     9912.86   22.40 100.00

Manual: iostat(1) of sysstat 9 to 12. Columns are found by their header; the first table is since boot and left out where more follow.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.tool_lines import ToolLine, ToolMeaning

_MOST_LINES, _LONGEST = 50_000, 2000
_NUMBER = re.compile(r"\d{1,12}(?:[.,]\d{1,4})?$")
_AWAITS = ("await", "r_await", "w_await", "f_await")
_BUSY_FROM, _LONG_MS = 90.0, 500.0
_KIB = ("rkB/s", "wkB/s")
_HEAVY_KIB = 100_000.0
_QUICK_MS = 50.0
_VIRTUAL = re.compile(r"(?:zd|nbd|rbd|drbd|dm-|loop|md)\d|sd|nvme|vd|hd|xvd|mmcblk|cciss|mapper")

_Row = tuple[int, str, Mapping[str, float]]


def decode_iostat(evidence: Evidence) -> Iterable[object]:
    """Yield a ``ToolLine`` of the disk that answered most slowly while it was busy, ``value`` in milliseconds; of one that moved much, quickly,
    ``value`` in bytes per second.
    """
    rows = _rows(evidence.data.decode("utf-8", "replace").split("\n")[:_MOST_LINES])
    slow = max((row for row in rows if _is_slow(row[2])), key=lambda row: _await_ms(row[2]), default=None)
    if slow:
        number, disk, values = slow
        stuck = "" if values.get("r/s", 0) + values.get("w/s", 0) else ", and none ended"
        text = f"iostat: {disk} was busy {values['%util']:.0f} % of the time, a request took {_await_ms(values):,.0f} ms{stuck}"
        yield ToolLine(
            meaning=ToolMeaning.DISK_AWAITS, text=text, ref=evidence.ref(number), value=_await_ms(values), who=disk
        )
        return
    quick = max((row for row in rows if _moves_much(row[2])), key=lambda row: _kib(row[2]), default=None)
    if quick:
        number, disk, values = quick
        text = f"iostat: {disk} moved {_kib(values) / 1024:,.0f} MiB/s, and answered within {_await_ms(values):.0f} ms"
        yield ToolLine(
            meaning=ToolMeaning.DISK_MOVES, text=text, ref=evidence.ref(number), value=_kib(values) * 1024, who=disk
        )


def _rows(lines: Sequence[str]) -> list[_Row]:
    """The rows of all tables but the first, unless it is the only one."""
    tables: list[list[_Row]] = []
    columns: list[str] = []
    for number, line in enumerate(lines, start=1):
        words = line[:_LONGEST].split()
        if words[:1] in (["Device"], ["Device:"]) and "%util" in words:
            columns = words
            tables.append([])
        elif columns and len(words) == len(columns) and all(map(_NUMBER.match, words[1:])) and _VIRTUAL.match(words[0]):
            numbers = (float(word.replace(",", ".")) for word in words[1:])
            tables[-1].append((number, words[0], dict(zip(columns[1:], numbers, strict=True))))
    return [row for table in tables[1 if len(tables) > 1 else 0 :] for row in table]


def _await_ms(values: Mapping[str, float]) -> float:
    return max((values.get(name, 0.0) for name in _AWAITS), default=0.0)


def _kib(values: Mapping[str, float]) -> float:
    return sum(values.get(name, 0.0) for name in _KIB)


def _is_slow(values: Mapping[str, float]) -> bool:
    """Busy and late; or busy, with requests that wait, and none that ends."""
    busy = values.get("%util", 0.0) >= _BUSY_FROM
    waits = values.get("aqu-sz", values.get("avgqu-sz", 0.0)) >= 1.0
    ended = values.get("r/s", 0.0) + values.get("w/s", 0.0) > 0.0
    return busy and (_await_ms(values) >= _LONG_MS or (waits and not ended))


def _moves_much(values: Mapping[str, float]) -> bool:
    return _kib(values) >= _HEAVY_KIB and _await_ms(values) <= _QUICK_MS
