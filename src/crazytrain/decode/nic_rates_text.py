"""SYSSTAT and text: ``sar -n DEV``, with or without its heading.

18:40:06         tap7  412033.20  398120.00 518220.11 501133.90      0.00      0.00      0.00      0.00
"""

import re
from collections.abc import Iterable

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.nic_rates import NicRate

_MOST_LINES, _MOST_ROWS = 50_000, 400
# Time, interface, packets received and sent, KiB received and sent, and 2 to 4 columns that differ between versions of sysstat.
_ROW = re.compile(
    r"\s*(?:\d\d:\d\d:\d\d(?: [AP]M)?|Average:)\s+(?P<name>[A-Za-z][\w.@:-]{1,30})\s+(?P<rx>\d{1,9}[.,]\d\d)\s+(?P<tx>\d{1,9}[.,]\d\d)"
    r"\s+(?P<rxkb>\d{1,9}[.,]\d\d)\s+(?P<txkb>\d{1,9}[.,]\d\d)(?:\s+\d{1,9}[.,]\d\d){3,4}\s*$"
)


def decode_nic_rates(evidence: Evidence) -> Iterable[object]:
    """Yield a ``NicRate`` for each row of an interface; the loopback is left out."""
    found = 0
    for number, line in enumerate(evidence.data.decode("utf-8", "replace").split("\n")[:_MOST_LINES], start=1):
        row = _ROW.match(line[:400])
        if row is None or row["name"] == "lo" or found >= _MOST_ROWS:
            continue
        found += 1
        yield NicRate(
            name=row["name"],
            packets_per_s=_number(row["rx"]) + _number(row["tx"]),
            bytes_per_s=1024 * (_number(row["rxkb"]) + _number(row["txkb"])),
            ref=evidence.ref(number),
        )


def _number(text: str) -> float:
    return float(text.replace(",", "."))
