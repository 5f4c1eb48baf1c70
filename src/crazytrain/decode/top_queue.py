"""TOP_THREADS: that no CPU of the host is idle, and vCPUs that are runnable get only a part of one each.

    %Cpu(s): 96.2 us,  3.6 sy,  0.0 ni,  0.0 id,  0.0 wa,  0.0 hi,  0.1 si,  0.0 st
     7120 libvirt+  20   0   18.1g  16.2g  22012 R  41.0  51.8  31:12.01 CPU 0/KVM

Manual: top(1): state R is running or waiting for a CPU.
"""

import re
from collections.abc import Iterable

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.tool_lines import ToolLine, ToolMeaning
from crazytrain.model.figures import share

_MOST_LINES = 20_000
_CPUS = re.compile(r"\s*%?Cpu\(?s?\)?[^:]{0,8}:.{0,80}?(?P<idle>\d{1,3}[.,]\d) ?%?id")
_VCPU = re.compile(
    r"\s*\d{1,9} +\S+ +\S+ +\S+ +\S+ +\S+ +\S+ +(?P<state>[A-Z]) +(?P<cpu>\d{1,4}(?:[.,]\d)?) +\S+ +\S+ +CPU \d{1,4}/KVM"
)
_IDLE_TO, _PART_FROM, _PART_TO = 2.0, 5.0, 80.0  # per cent
_LEAST = 2


def decode_top_queue(evidence: Evidence) -> Iterable[object]:
    """Yield a ``ToolLine`` where all of its vCPUs that are runnable got so little; ``value`` is the mean of what they got, as a ratio."""
    lines = evidence.data.decode("utf-8", "replace").split("\n")[:_MOST_LINES]
    idle = [
        (float(found["idle"].replace(",", ".")), n)
        for n, line in enumerate(lines, 1)
        if (found := _CPUS.match(line[:300]))
    ]
    rows = [found for line in lines if (found := _VCPU.match(line[:300]))]
    got = [float(row["cpu"].replace(",", ".")) for row in rows if row["state"] == "R"]
    if (
        not idle
        or max(idle)[0] > _IDLE_TO
        or len(got) < _LEAST
        or not all(_PART_FROM <= one <= _PART_TO for one in got)
    ):
        return
    mean = sum(got) / len(got) / 100
    text = f"top: no CPU was idle, and {len(got)} runnable vCPUs got {share(mean)} of a CPU each"
    yield ToolLine(meaning=ToolMeaning.QUEUES, text=text, ref=evidence.ref(idle[0][1]), value=mean)
