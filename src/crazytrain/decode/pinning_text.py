"""vCPUs that are bound to fewer CPUs of the host than they are: ``virsh vcpuinfo``, ``virsh vcpupin``, ``<vcpupin>``, ``taskset -pc``.

    VCPU:           1
    CPU Affinity:   -----y----------
     1      5
    <vcpupin vcpu='1' cpuset='5'/>
    pid 30122's current affinity list: 5

Sources: libvirt, docs/manpages/virsh.rst (vcpuinfo, vcpupin), docs/formatdomain.rst (CPU Tuning); taskset(1).
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.tool_lines import ToolLine, ToolMeaning

_MOST_LINES, _LONGEST, _MOST_CPUS = 50_000, 4000, 4096
_VCPU = re.compile(r"\s*VCPU: +(\d{1,5})\s*$")
_AFFINITY = re.compile(r"\s*CPU Affinity: +([y-]{1,2000})\s*$")
_PINNED = re.compile(
    r"\s*(?:<vcpupin vcpu=['\"](?P<x>\d{1,5})['\"] cpuset=['\"](?P<xs>[\d,^-]{1,200})['\"]|(?P<v>\d{1,5})[ :]\s*(?P<vs>[\d,^-]{1,200})\s*$)"
)
_HEADING = re.compile(r"\s*VCPU:? +CPU Affinity\s*$")
_TASKSET = re.compile(r"\s*pid (?P<tid>\d{1,9})'s current affinity list: (?P<cpus>[\d,-]{1,200})\s*$")
_FROM = 2
# ps with the columns PSR and %CPU: threads of vCPUs that were met on one CPU, and used it up together.
_MET = re.compile(r"\s*\d{1,9} +(?:\d{1,9} +)?(?P<psr>\d{1,4}) +(?P<cpu>\d{1,3}\.\d) +CPU \d{1,4}/KVM\s*$")
_FULL = 85.0  # per cent


def decode_pinning(evidence: Evidence) -> Iterable[object]:
    """Yield a ``ToolLine`` where two vCPUs or more have fewer CPUs than they are; ``value`` is how many share one.

    Of ``taskset`` every process that was asked counts as a vCPU: people ask for those.
    """
    yield from _met(evidence)
    places, first = _places(evidence.data.decode("utf-8", "replace").split("\n")[:_MOST_LINES])
    cpus = frozenset[int]().union(*places.values()) if places else frozenset()
    if len(places) >= _FROM and cpus and len(cpus) < len(places):
        where = ", ".join(map(str, sorted(cpus)[:8]))
        text = f"{len(places)} vCPUs may run on {len(cpus)} of the host's CPUs alone ({where})"
        yield ToolLine(
            meaning=ToolMeaning.VCPUS_SHARE, text=text, ref=evidence.ref(first), value=len(places) / len(cpus)
        )


def _met(evidence: Evidence) -> Iterator[ToolLine]:
    """Of the CPUs on which several vCPUs were met the one on which most were; each of them must have been used up."""
    met: dict[str, list[tuple[float, int]]] = {}
    for number, line in enumerate(evidence.data.decode("utf-8", "replace").split("\n")[:_MOST_LINES], start=1):
        if found := _MET.match(line[:_LONGEST]):
            met.setdefault(found["psr"], []).append((float(found["cpu"]), number))
    shared = {psr: rows for psr, rows in met.items() if len(rows) >= _FROM and sum(cpu for cpu, _ in rows) >= _FULL}
    if shared:
        psr, rows = max(shared.items(), key=lambda one: len(one[1]))
        text = f"ps: {len(rows)} vCPUs were on CPU {psr} and used it up together, and so on {len(shared)} CPUs"
        yield ToolLine(meaning=ToolMeaning.VCPUS_SHARE, text=text, ref=evidence.ref(rows[0][1]), value=float(len(rows)))


def _places(lines: Sequence[str]) -> tuple[dict[str, frozenset[int]], int]:
    """Where each vCPU may run, and the first line that tells it."""
    places: dict[str, frozenset[int]] = {}
    first, vcpu, listed = 0, "", False
    for number, raw in enumerate(lines, start=1):
        line = raw[:_LONGEST]
        if found := _VCPU.match(line):
            vcpu = found[1]
        elif found := _AFFINITY.match(line):
            places[vcpu] = frozenset(at for at, sign in enumerate(found[1]) if sign == "y")
        elif _HEADING.match(line):
            listed = True
        elif found := _TASKSET.match(line):
            places["t" + found["tid"]] = _cpus(found["cpus"])
        elif (found := _PINNED.match(line)) and (found["x"] or listed):
            places[found["x"] or found["v"]] = _cpus(found["xs"] or found["vs"])
        first = first or (number if places else 0)
    return {name: cpus for name, cpus in places.items() if cpus}, first or 1


def _cpus(text: str) -> frozenset[int]:
    """``0-3,8``: CPUs by number; what is taken away (``^2``) is left out."""
    found: set[int] = set()
    for part in text.split(","):
        low, _, high = part.partition("-")
        if low.isdecimal() and (not high or high.isdecimal()) and int(high or low) < _MOST_CPUS:
            found.update(range(int(low), int(high or low) + 1))
    gone = {int(part[1:]) for part in text.split(",") if part.startswith("^") and part[1:].isdecimal()}
    return frozenset(found - gone)
