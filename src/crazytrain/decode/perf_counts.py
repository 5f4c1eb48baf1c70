"""PERF_COUNTS: what ``perf stat -e 'kvm:*'`` prints, at its end or each interval (-I).

               12,345      kvm:kvm_exit                     #    6.172 K/sec
          2.000123456 seconds time elapsed

Source: perf-stat(1).
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from crazytrain.decode.exit_events import ANY_REASON, EVENTS, unseen_but
from crazytrain.model.evidence import Evidence, Ref
from crazytrain.model.facts.kvm import ExitCount, KvmExits, KvmStat, KvmStats

_ROW = re.compile(
    r"\s*(?:(?P<at>\d{1,9}\.\d{1,9})\s+)?(?P<count>\d[\d,.']{0,20}|<not \w+>)\s+(?:kvm:)(?P<name>kvm_\w{1,60})"
)
_ELAPSED = re.compile(r"\s*(\d{1,9}[.,]\d{1,9})\s+seconds time elapsed")
_SEPARATORS = str.maketrans("", "", ",.'")
_SAME = {"kvm_exit": "exits", "kvm_inj_virq": "irq_injections"}
_MOST_LINES = 20_000


def decode_perf_counts(evidence: Evidence) -> Iterable[object]:
    """Yield ``KvmStats`` (each event's rate, by the event's name), and ``KvmExits`` where exits were counted.

    perf counts events and not their arguments: the exits have no reason (``any reason``). Without a time that passed there are no
    rates, and nothing is yielded.
    """
    counted, window_ns, lines = _read(evidence)
    if not counted or not window_ns:
        return
    ref = evidence.ref(lines[0], lines[-1])
    yield KvmStats(window_ns=window_ns, stats=tuple(_stats(counted, window_ns)), refs=(ref,))
    if exits := _exits(counted, window_ns, ref):
        yield exits


def _read(evidence: Evidence) -> tuple[Counter[str], int, list[int]]:
    counted, lines = Counter[str](), list[int]()
    last_s = elapsed_s = 0.0
    for number, line in enumerate(evidence.data.decode("utf-8", "backslashreplace").split("\n")[:_MOST_LINES], start=1):
        row = _ROW.match(line[:400])
        elapsed = _ELAPSED.match(line[:400])
        if row and row["count"][0] != "<":
            counted[row["name"]] += int(row["count"].translate(_SEPARATORS))
            last_s = max(last_s, float(row["at"] or 0))
            lines.append(number)
        elif elapsed:
            elapsed_s = float(elapsed[1].replace(",", "."))
    return counted, int((last_s or elapsed_s) * 1e9), lines


def _stats(counted: Counter[str], window_ns: int) -> Iterator[KvmStat]:
    for name, count in counted.most_common():
        yield KvmStat(name=name, per_s=count * 1e9 / window_ns)
        if name in _SAME:
            yield KvmStat(name=_SAME[name], per_s=count * 1e9 / window_ns)


def _exits(counted: Counter[str], window_ns: int, ref: Ref) -> KvmExits | None:
    """What was counted at all; an event without its arguments leaves its details unknown, a count of none says that none were."""
    inside, outside = counted["kvm_exit"], counted["kvm_userspace_exit"]
    if not inside and not outside:
        return None
    never = [event for event in EVENTS if event in counted and not counted[event]]
    return KvmExits(
        window_ns=window_ns,
        exits=(ExitCount(reason=ANY_REASON, count=inside),) if inside else (),
        userspace=(ExitCount(reason=ANY_REASON, count=outside),) if outside else (),
        hardware=bool(inside),
        left_out=unseen_but("kvm_exit", "kvm_userspace_exit", *never),
        refs=(ref,),
    )
