"""Reasons of exits that somebody counted with the shell: ``... | sort | uniq -c`` over a trace.

     812233 EXTERNAL_INTERRUPT
      12231 HLT

The reasons are those that KVM's own events print (arch/x86/include/uapi/asm/vmx.h, svm.h).
"""

import re
from collections.abc import Iterable

from crazytrain.decode.exit_events import unseen_but
from crazytrain.decode.exit_reasons import exit_reason
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.kvm import ExitCount, KvmExits

_ROW = re.compile(
    r"\s*(?P<count>\d{1,12})\s+(?:(?:kvm_exit:?\s+)?reason[ =:]{0,2})?(?P<reason>[A-Za-z][\w-]{1,40})\s*$"
)
_TRACE = re.compile(r"kvm[_:]\w*exit|\bkvm_exit\b|\btrace-cmd\b|\bperf script\b|\bexit_?reasons?\b", re.IGNORECASE)
_MOST_LINES, _LONGEST = 20_000, 300
_INTEL, _AMD = 1, 2
_MOST_NUMBERS = 0x600
_FEWEST = 2
REASONS = frozenset(
    name
    for isa in (_INTEL, _AMD)
    for number in range(_MOST_NUMBERS)
    if re.fullmatch(r"[A-Za-z]\w*", name := exit_reason(isa, number))
)


def decode_counted_exits(evidence: Evidence) -> Iterable[object]:
    """Yield one ``KvmExits`` without a window: shares, no rates.

    Two reasons that only Intel's processors have, or a command that names the event, must stand there: ``io`` and ``hlt`` are words
    of other things, too.
    """
    lines = evidence.data.decode("utf-8", "replace").split("\n", _MOST_LINES)[:_MOST_LINES]
    rows = [(number, found) for number, line in enumerate(lines, start=1) if (found := _ROW.match(line[:_LONGEST]))]
    rows = [(number, found) for number, found in rows if found["reason"] in REASONS]
    sure = sum("_" in found["reason"] and found["reason"].isupper() for _, found in rows)
    if len(rows) < _FEWEST or (sure < _FEWEST and not any(_TRACE.search(line[:_LONGEST]) for line in lines[:200])):
        return
    counts: dict[str, int] = {}
    for _, found in rows:
        counts[found["reason"]] = counts.get(found["reason"], 0) + int(found["count"])
    yield KvmExits(
        window_ns=0,
        exits=tuple(ExitCount(reason=r, count=c) for r, c in sorted(counts.items(), key=lambda one: -one[1])),
        hardware=True,
        left_out=unseen_but("kvm_exit"),
        refs=(evidence.ref(rows[0][0], rows[-1][0]),),
    )
