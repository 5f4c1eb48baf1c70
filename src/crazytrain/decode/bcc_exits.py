"""Tables of bcc's ``kvmexit``: how often each thread left guest mode, and why.

    PID      TID      KVM_EXIT_REASON                     COUNT
    1273551  1273568  EXIT_REASON_MSR_WRITE               6

Manual: kvmexit(8) of bcc. Asked for one process or one thread it leaves their columns out.
"""

import re
from collections import Counter
from collections.abc import Iterable

from crazytrain.decode.exit_events import unseen_but
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.kvm import ExitCount, KvmExits

_HEAD = re.compile(r"\s*(?:PID\s+)?(?:TID\s+)?KVM_EXIT_REASON\s+COUNT\s*$")
_ROW = re.compile(
    r"\s*(?:\^C)?\s*(?:\d{1,9}\s+)?(?:(?P<tid>\d{1,9})\s+)?(?:(?:SVM_)?EXIT_(?:REASON_)?)?(?P<reason>[A-Za-z_][\w-]{1,60})\s+(?P<count>\d{1,15})\s*$"
)
_FOR = re.compile(r"\bkvmexit\b.{0,200}?\s(\d{1,6})\s*$")
_MOST_LINES, _LONGEST = 20_000, 300


def decode_bcc_exits(evidence: Evidence) -> Iterable[object]:
    """Yield one ``KvmExits`` of all tables; ``window_ns`` is known where the command names the seconds, else 0."""
    counted = Counter[tuple[str, int | None]]()
    window_ns, first, last, inside = 0, 0, 0, False
    lines = evidence.data.decode("utf-8", "replace").split("\n", _MOST_LINES)[:_MOST_LINES]
    for number, line in enumerate(lines, start=1):
        asked = _FOR.search(line[:_LONGEST])
        window_ns = int(asked[1]) * 10**9 if asked else window_ns
        inside = inside or _HEAD.match(line[:_LONGEST]) is not None
        row = _ROW.match(line[:_LONGEST]) if inside else None
        if row:
            first, last = first or number, number
            counted[row["reason"], int(row["tid"]) if row["tid"] else None] += int(row["count"])
    if counted:
        yield KvmExits(
            window_ns=window_ns,
            exits=tuple(ExitCount(reason=r, count=c, tid=tid) for (r, tid), c in counted.most_common()),
            hardware=True,
            left_out=unseen_but("kvm_exit"),
            refs=(evidence.ref(first, last),),
        )
