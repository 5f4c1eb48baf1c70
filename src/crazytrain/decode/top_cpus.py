"""TOP_THREADS: the head of top's screens, how the machine's CPUs fared.

    %Cpu(s): 25.1 us,  3.0 sy,  0.0 ni, 70.2 id,  1.7 wa,  0.0 hi,  0.0 si,  0.0 st
    Cpu(s):  1.0%us,  0.5%sy,  0.0%ni, 98.4%id,  0.1%wa,  0.0%hi,  0.0%si,  0.0%st
    CPU:  93% usr   5% sys   0% nic   1% idle   0% io   0% irq   0% sirq
    %Cpu0  :   2.0/88.1   90[||||||||||      ]   %Cpu1  :   1.3/92.4   94[||||||||||      ]

Manual: top(1) of busybox (the one with "usr") and of procps 3.2 to 4 (decimal comma or point), which also shows each CPU (key 1), and bars
with the shares of programs and of the kernel (key t). Of single CPUs their mean is taken. A screen that shows a QEMU process is the host's.
"""

import re
from collections.abc import Iterable, Iterator

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.host_tables import CpuRow, CpuTable

_CPUS = re.compile(r"\s*%?C(?:pu|PU)(?:\(s\)|\d{1,4}) *:\s*(?P<shares>.{8,200})")
_BARS = re.compile(r"%Cpu(?:\(s\)|\d{1,4}) *:\s+(\d{1,3}[.,]\d)/(\d{1,3}[.,]\d)\s+\d{1,3}\[")
_BUSYBOX = re.compile(r"\s*CPU:(?:\s+\d{1,3}(?:\.\d)?% (?:usr|sys|nic|idle|io|s?irq)){4,7}\s*$")
_BUSYBOX_SHARE = re.compile(r"(\d{1,3}(?:\.\d)?)% (\w+)")
_AS_TOP = {"usr": "us", "sys": "sy", "nic": "ni", "idle": "id", "io": "wa", "irq": "hi", "sirq": "si"}
_SHARE = re.compile(r"(\d{1,3}[.,]\d)[% ] ?([^\s\d,.%]{2,4})\b")
_ORDER = ("us", "sy", "ni", "id", "wa", "hi", "si", "st")  # of all versions and languages
_QEMU = re.compile(r"\s*\d{1,9} \S.* (?:qemu-system\S*|qemu-kvm\S*|kvm|CPU \d+/(?:KVM|TCG))\s*$")
_MOST_LINES = 50_000


def decode_top_cpus(evidence: Evidence) -> Iterable[object]:
    """Yield one ``CpuTable``: the mean of all screens but the first one, which top counts since boot where more follow."""
    lines = evidence.data.decode("utf-8", "backslashreplace").split("\n")[:_MOST_LINES]
    heads = [(number, _shares(line)) for number, line in enumerate(lines, start=1)]
    told = list(_screens((number, shares) for number, shares in heads if "id" in shares))
    used = told[1:] or told
    if used:
        yield CpuTable(
            tool="top",
            rows=(_row([shares for _, shares in used]),),
            samples=len(used),
            guest=False if any(_QEMU.match(line[:400]) for line in lines) else None,
            refs=(evidence.ref(used[0][0], used[-1][0]),),
        )


def _screens(heads: Iterable[tuple[int, dict[str, float]]]) -> Iterator[tuple[int, dict[str, float]]]:
    """The CPUs of lines that stand below each other belong to one screen: their mean, and the last one's line."""
    group: list[tuple[int, dict[str, float]]] = []
    for number, shares in heads:
        if group and number != group[-1][0] + 1:
            yield group[-1][0], _mean([one for _, one in group])
            group = []
        group.append((number, shares))
    if group:
        yield group[-1][0], _mean([one for _, one in group])


def _mean(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: sum(one.get(name, 0.0) for one in rows) / len(rows) for name in rows[-1]}


def _of_bars(line: str) -> dict[str, float]:
    """Shares of the CPUs whose bars stand in one line."""
    bars = [(_ratio(user), _ratio(system)) for user, system in _BARS.findall(line)]
    return (
        _mean([{"us": user, "sy": system, "id": max(0.0, 1 - user - system)} for user, system in bars]) if bars else {}
    )


def _ratio(share: str) -> float:
    return float(share.replace(",", ".")) / 100


def _shares(line: str) -> dict[str, float]:
    if bars := _of_bars(line[:400]):
        return bars
    if _BUSYBOX.match(line[:400]):
        return {_AS_TOP[name]: float(share) / 100 for share, name in _BUSYBOX_SHARE.findall(line[:400])}
    found = _CPUS.match(line[:400])
    told = [(_ratio(share), name) for share, name in _SHARE.findall(found["shares"] if found else "")]
    if len(told) == len(_ORDER):
        return {name: share for name, (share, _) in zip(_ORDER, told, strict=True)}
    return {name: share for share, name in told if name in _ORDER}


def _row(screens: list[dict[str, float]]) -> CpuRow:
    mean = _mean(screens)
    return CpuRow(
        cpu=-1,
        user_ratio=mean.get("us", 0.0) + mean.get("ni", 0.0),
        system_ratio=mean.get("sy", 0.0),
        idle_ratio=mean["id"],
        iowait_ratio=mean.get("wa"),
        steal_ratio=mean.get("st"),
        irq_ratio=mean.get("hi"),
        soft_ratio=mean.get("si"),
    )
