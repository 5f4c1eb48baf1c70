"""Tables that tell of a machine's memory: ``sar -B``, ``sar -W``, ``numastat -p`` of QEMU.

    10:00:01 AM  pgpgin/s pgpgout/s   fault/s  majflt/s  pgfree/s pgscank/s pgscand/s pgsteal/s    %vmeff
    10:10:01 AM  81822.71  91827.30  61822.19   8822.70 188227.40 918827.10 218827.33  61822.30      5.43
    Per-node process memory usage (in MBs) for PID 71822 (qemu-kvm)
    Total     28124  70262 98386

Manuals: sar(1), numastat(8). ``pgscand/s``: pages that tasks had to look through themselves before they got one (direct reclaim).
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.tool_lines import ToolLine, ToolMeaning
from crazytrain.model.figures import share

_MOST_LINES, _LONGEST = 50_000, 1000
_STAMP = re.compile(r"\s*(?:\d\d:\d\d:\d\d(?: [AP]M)?|Average:)\s+")
_NUMBER = re.compile(r"\d{1,15}(?:[.,]\d{1,4})?$")
_DIRECT_FROM_PER_S, _SWAPS_FROM_PER_S = 5000.0, 500.0  # pages
_PAGE = 4096
_OF_QEMU = re.compile(r"\s*Per-node process memory usage \(in MBs\) for PID \d{1,9} \((?:qemu|kvm)")
_TOTAL = re.compile(r"\s*Total +(?P<nodes>(?:\d{1,9}(?:\.\d\d)? +){2,64})(?P<all>\d{1,9}(?:\.\d\d)?)\s*$")
_SPREAD_FROM = 0.15


def decode_memory_tables(evidence: Evidence) -> Iterable[object]:
    """Yield ``ToolLine``: tasks that reclaim for themselves, pages that come back from the swap, memory of QEMU that lies on several nodes.

    ``value`` is a rate in pages or bytes per second, or the share that lies apart.
    """
    lines = evidence.data.decode("utf-8", "replace").split("\n")[:_MOST_LINES]
    yield from _sar(lines, evidence)
    yield from _spread(lines, evidence)


def _sar(lines: Sequence[str], evidence: Evidence) -> Iterator[ToolLine]:
    columns: list[str] = []
    worst: dict[str, tuple[float, int]] = {}
    for number, line in enumerate(lines, start=1):
        stamp = _STAMP.match(line[:_LONGEST])
        words = line[stamp.end() if stamp else 0 : _LONGEST].split()
        if "pgscand/s" in words or "pswpin/s" in words:
            columns = words
        elif columns and len(words) == len(columns) and all(map(_NUMBER.match, words)):
            for name, word in zip(columns, words, strict=True):
                value = float(word.replace(",", "."))
                worst[name] = max(worst.get(name, (0.0, number)), (value, number))
    direct, swapped = worst.get("pgscand/s", (0.0, 0)), worst.get("pswpin/s", (0.0, 0))
    if direct[0] >= _DIRECT_FROM_PER_S:
        text = f"sar: tasks had to look through {direct[0]:,.0f} pages a second themselves before they got memory"
        yield ToolLine(meaning=ToolMeaning.MEMORY_STALLS, text=text, ref=evidence.ref(direct[1]), value=direct[0])
    if swapped[0] >= _SWAPS_FROM_PER_S:
        text = f"sar: {swapped[0]:,.0f} pages a second came back from the swap"
        yield ToolLine(meaning=ToolMeaning.SWAPS, text=text, ref=evidence.ref(swapped[1]), value=swapped[0] * _PAGE)


def _spread(lines: Sequence[str], evidence: Evidence) -> Iterator[ToolLine]:
    """Of the last table of one process of QEMU's: what lies on other nodes than the one that has most of it."""
    if not any(map(_OF_QEMU.match, lines)):
        return
    for number, line in enumerate(lines, start=1):
        if found := _TOTAL.match(line[:_LONGEST]):
            nodes, every = [float(word) for word in found["nodes"].split()], float(found["all"])
            apart = 1 - max(nodes) / every if every else 0.0
            if apart >= _SPREAD_FROM:
                text = f"numastat: {share(apart)} of QEMU's memory lies on other nodes than most of it"
                yield ToolLine(meaning=ToolMeaning.SPREAD, text=text, ref=evidence.ref(number), value=apart)
            return
