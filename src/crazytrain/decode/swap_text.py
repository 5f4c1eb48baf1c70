"""What ``vmstat`` says of the swap: how much memory goes out and comes back in each second.

    procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu-----
     r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st

Manual: vmstat(8): ``si`` and ``so`` in KiB per second (another unit with -S); the first row is since boot.
"""

import re
from collections.abc import Iterable, Iterator
from statistics import fmean

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.tool_lines import ToolLine, ToolMeaning

_MOST_LINES = 50_000
_ROW = re.compile(r"(?:\d{1,15} +){10,20}\d{1,15}$")
_FROM_BYTES_PER_S = 2_000_000
_QUEUE_FROM, _IDLE_TO = 24, 5  # more tasks than most hosts have CPUs


def decode_swap_text(evidence: Evidence) -> Iterable[object]:
    """Yield a ``ToolLine`` where many tasks waited for a CPU, and where memory went both ways, or much one way, in the mean of the rows."""
    rows = list(_rows(evidence.data.decode("utf-8", "replace").split("\n")[:_MOST_LINES]))
    used = rows[1:] if len(rows) > 1 else []
    if not used:
        return
    inward, outward = (fmean(row[at] for row in used) * 1024 for at in (1, 2))
    if (queue := fmean(row[3] for row in used)) >= _QUEUE_FROM and fmean(row[4] for row in used) <= _IDLE_TO:
        text = f"vmstat: {queue:.0f} tasks ran or waited for a CPU, and no CPU was idle"
        yield ToolLine(meaning=ToolMeaning.QUEUES, text=text, ref=evidence.ref(used[-1][0]), value=queue)
    if inward >= _FROM_BYTES_PER_S:
        text = f"vmstat: {inward / 1e6:.1f} MB came back from the swap each second, {outward / 1e6:.1f} MB went out"
        yield ToolLine(meaning=ToolMeaning.SWAPS, text=text, ref=evidence.ref(used[-1][0]), value=inward)


def _rows(lines: Iterable[str]) -> Iterator[tuple[int, ...]]:
    """Line, KiB in and KiB out, the run queue, and the share of idle time in per cent."""
    columns: list[str] = []
    for number, line in enumerate(lines, start=1):
        words = line[:400].split()
        if {"si", "so", "bi", "bo"} <= set(words):
            columns = words
        elif columns and len(words) >= len(columns) and _ROW.match(line[:400].strip()):
            named = dict(zip(columns, words, strict=False))
            yield number, int(named["si"]), int(named["so"]), int(named.get("r", "0")), int(named.get("id", "100"))
