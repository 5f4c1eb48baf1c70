"""``vmstat -i`` of the BSDs: how often each interrupt came, as a rate since the start.

    interrupt                          total       rate
    irq11: uhci0 uhci1+           9182736455     108221
    cpu0:timer                      88122731       1038

Manuals: vmstat(8) of FreeBSD, NetBSD and OpenBSD.
"""

import re
from collections.abc import Iterable

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.tool_lines import ToolLine, ToolMeaning

_MOST_LINES = 20_000
_HEAD = re.compile(r"\s*interrupt +total +rate\s*$")
_ROW = re.compile(
    r"\s*(?P<who>(?:irq\d{1,4}[:/]|cpu\d{1,4}:|msix?\d|\w{2,12}/)\s?\S.{0,40}?) +(?P<total>\d{1,19}) +(?P<rate>\d{1,12})\s*$"
)
_TIMER = re.compile(r"cpu\d+: ?timer|clock")
_LINE_FROM_PER_S, _TIMER_FROM_PER_S = 20_000, 5000


def decode_bsd_interrupts(evidence: Evidence) -> Iterable[object]:
    """Yield a ``ToolLine`` of the line that came most, and one of the timer, each where it is a storm; ``value`` is per second."""
    lines = evidence.data.decode("utf-8", "replace").split("\n")[:_MOST_LINES]
    if not any(map(_HEAD.match, lines)):
        return
    rows = [
        (int(found["rate"]), found["who"], n) for n, line in enumerate(lines, 1) if (found := _ROW.match(line[:300]))
    ]
    for meaning, least, timers in (
        (ToolMeaning.IRQ_RATE, _LINE_FROM_PER_S, False),
        (ToolMeaning.TICK_RATE, _TIMER_FROM_PER_S, True),
    ):
        rate, who, number = max((row for row in rows if bool(_TIMER.match(row[1])) is timers), default=(0, "", 0))
        if rate >= least:
            yield ToolLine(
                meaning=meaning,
                text=f"vmstat -i: {who} {rate:,} times a second",
                ref=evidence.ref(number),
                value=float(rate),
            )
