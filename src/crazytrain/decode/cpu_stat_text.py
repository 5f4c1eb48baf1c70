"""PRINTED_FILES: ``cpu.stat`` of a cgroup.

    nr_periods 812211
    nr_throttled 790114
    throttled_usec 88112201133

Source: Linux Documentation/admin-guide/cgroup-v2.rst (cpu.stat), Documentation/scheduler/sched-bwc.rst.
"""

import re
from collections.abc import Iterable

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.throttling import ThrottleCount

_LINE = re.compile(r"\s*(?:\S{1,200}cpu\.stat:)?(nr_periods|nr_throttled) (\d{1,18})\s*$")
_MOST_LINES = 50_000


def decode_cpu_stat(evidence: Evidence) -> Iterable[object]:
    """Yield a ``ThrottleCount`` for each pair of lines; of a group without a limit, whose counts are 0, nothing."""
    periods: int | None = None
    lines = evidence.data.decode("utf-8", "backslashreplace").split("\n")[:_MOST_LINES]
    for number, line in enumerate(lines, start=1):
        found = _LINE.match(line[:400])
        if found is None:
            continue
        if found[1] == "nr_periods":
            periods = int(found[2])
        elif periods:
            yield ThrottleCount(periods=periods, throttled=int(found[2]), ref=evidence.ref(number))
            periods = None
