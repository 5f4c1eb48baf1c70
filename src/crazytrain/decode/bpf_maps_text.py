"""Maps that a one-liner of bpftrace printed over KVM's tracepoints, where the program stands above them.

    # bpftrace -e 'tracepoint:kvm:kvm_pio { @[args->rw, args->port] = count(); } interval:s:10 { exit(); }'
    @[0, 1016]: 612033

Manual: bpftrace(8). A key may hold more than what is wanted (a thread, a direction): of a port, page or register it is the highest number.
"""

import re
from collections import Counter
from collections.abc import Iterable

from crazytrain.decode.exit_events import owned_port, unseen_but
from crazytrain.decode.exit_reasons import exit_reason
from crazytrain.decode.msrs import msr_name
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.kvm import ExitCount, KvmExits, MmioUse, MsrUse

_EVENT = re.compile(r"bpftrace\b.{0,400}?\b(?:t|tracepoint):kvm:(kvm_exit|kvm_pio|kvm_mmio|kvm_msr)\b")
_EVERY = re.compile(r"\binterval:(s|ms):(\d{1,6})\b")
_ROW = re.compile(r"@\w{0,40}\[(?P<key>[^\]]{1,200})\]: (?P<count>\d{1,15})\s*$")
_NUMBER = re.compile(r"(?<![\w.])(0x[0-9a-fA-F]{1,16}|\d{1,20})(?![\w.])")
_MOST_LINES, _LONGEST = 20_000, 1000
_PORTS, _PAGE_MASK, _INTEL = 0x10000, ~0xFFF, 1
_NS = {"s": 10**9, "ms": 10**6}


def decode_bpf_maps(evidence: Evidence) -> Iterable[object]:
    """Yield one ``KvmExits`` of what the maps counted; ``window_ns`` is known where an ``interval`` ends the program, else 0."""
    lines = [
        line[:_LONGEST] for line in evidence.data.decode("utf-8", "replace").split("\n", _MOST_LINES)[:_MOST_LINES]
    ]
    asked = next(
        ((number, found) for number, line in enumerate(lines, start=1) if (found := _EVENT.search(line))), None
    )
    if asked is None:
        return
    first, event = asked[0], asked[1][1]
    rows = [(number, found) for number, line in enumerate(lines, start=1) if (found := _ROW.match(line.strip()))]
    counted = Counter[int]()
    for _, found in rows:
        numbers = [int(word, 0) if word.startswith("0x") else int(word) for word in _NUMBER.findall(found["key"])]
        if numbers:
            counted[max(numbers)] += int(found["count"])
    if counted:
        every = _EVERY.search(lines[first - 1])
        window_ns = int(every[2]) * _NS[every[1]] if every else 0
        yield _exits(event, counted, window_ns, evidence, rows[-1][0])


def _exits(event: str, counted: Counter[int], window_ns: int, evidence: Evidence, last: int) -> KvmExits:
    most = counted.most_common()
    pages = Counter[int]()
    for address, count in most if event == "kvm_mmio" else ():
        pages[address & _PAGE_MASK] += count
    return KvmExits(
        window_ns=window_ns,
        exits=tuple(ExitCount(reason=exit_reason(_INTEL, n), count=c) for n, c in most if event == "kvm_exit"),
        ports=tuple(owned_port(n, c, write=False) for n, c in most if event == "kvm_pio" and n < _PORTS),
        mmio=tuple(MmioUse(page=page, write=False, count=c) for page, c in pages.most_common()),
        msrs=tuple(MsrUse(index=n, write=True, count=c, name=msr_name(n)) for n, c in most if event == "kvm_msr"),
        hardware=event == "kvm_exit",
        left_out=unseen_but(event),
        refs=(evidence.ref(1, last),),
    )
