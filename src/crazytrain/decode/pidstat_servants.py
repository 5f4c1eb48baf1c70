"""SYSSTAT: rows of pidstat for kernel threads that serve guests or their memory: vhost, swap, compaction, same-page merging.

    10:22:02      UID       PID    %usr %system  %guest   %wait    %CPU   CPU  Command
    10:22:03        0     20113    0.00  100.00    0.00    0.00  100.00     3  vhost-20090

Manual: pidstat(1). Columns are counted from the right: what stands before them is a time in some language.
"""

import re
from collections.abc import Iterable

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.tool_lines import ToolLine, ToolMeaning

_SERVANT = re.compile(r"(?:\|__)?(?P<name>vhost-\d{1,9}|kswapd\d{0,3}|kcompactd\d{0,3}|khugepaged|ksmd)$")
_SHARE = re.compile(r"\d{1,5}(?:[.,]\d{1,3})?$")
_BUSY_FROM, _MOST_LINES, _LONGEST = 0.3, 50_000, 1024


def decode_pidstat_servants(evidence: Evidence) -> Iterable[object]:
    """Yield a ``ToolLine`` for each that takes a third of a CPU or more in the last row that names it."""
    behind = 0
    busy: dict[str, ToolLine] = {}
    for number, line in enumerate(evidence.data.decode("utf-8", "replace").split("\n")[:_MOST_LINES], start=1):
        words = line[:_LONGEST].split()
        if "%CPU" in words and words[-1] == "Command":
            behind = len(words) - words.index("%CPU")
            continue
        found = _SERVANT.match(words[-1]) if behind and len(words) > behind else None
        if found and _SHARE.match(words[-behind]):
            share = float(words[-behind].replace(",", ".")) / 100
            busy[found["name"]] = ToolLine(
                meaning=ToolMeaning.SERVES,
                text=line[:200].strip(),
                ref=evidence.ref(number),
                value=share,
                who=found["name"],
            )
    yield from (line for line in busy.values() if (line.value or 0.0) >= _BUSY_FROM)
