"""KERNEL_STACK, too: stacks of a Windows kernel as its debugger prints them (``k``, ``kv``, ``!thread``), of a dump of the guest."""

import re
from collections.abc import Iterable, Iterator

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.kernel_traces import KernelTrace

_ADDRESS = rb"(?:[0-9a-f]{8}(?:`[0-9a-f]{8})?|[0-9a-f]{16})"
_SYMBOL = rb"[a-z][\w.]{1,40}!(?: \?\? ::)?[A-Za-z_~<?`][^\s+]{0,300}"
WHOLE = re.compile(
    rb"(?:[0-9a-f]{2,3} )?(?:" + _ADDRESS + rb" " + _ADDRESS + rb" |\(Inline Function\) )"
    rb"(?:[^\n]{0,200} )?" + _SYMBOL + rb"(?:\+0x[0-9a-f]{1,8}|\b)|: " + _SYMBOL + rb"\+0x[0-9a-f]{1,8}"
)
BESIDE = re.compile(rb"\d{0,3}:? ?kd> |[ #]{0,4}(?:Child-?(?:SP|EBP)|RetAddr) |WARNING: (?:Stack unwind|Frame IP)")
_FRAME = re.compile(
    rf"(?:(?:[0-9a-f]{{2,3}} )?(?:{_ADDRESS.decode()} {_ADDRESS.decode()} |\(Inline Function\) )|: ).*?(?P<name>{_SYMBOL.decode()})"
)
_HEAD = re.compile(r"\d{0,3}:? ?kd> |[ #]{0,4}(?:Child-?(?:SP|EBP)|RetAddr) ")
# Who looked came in by these: what stands above them is the dump's own doing.
_ASKED = re.compile(r"\w+!(?:Ki|Kx)NmiInterrupt\w*")
_MOST_LINES, _MOST_FRAMES, _MOST_STACKS, _LONGEST = 100_000, 64, 256, 1024


def decode_windows_stack(evidence: Evidence) -> Iterable[object]:
    """Yield a ``KernelTrace`` for each stack, its functions as ``module!function``; the innermost one is its place.

    Frames that an NMI put there to make the dump are left out. Source: the debugger's documentation of ``k``. ::

        0: kd> k
         # Child-SP          RetAddr           Call Site
        00 fffff800`67dd3b90 fffff801`ca5cf443 nt!KeAcquireSpinLockRaiseToDpc+0x6b
    """
    for number, (line, names) in enumerate(_stacks(evidence.data.decode("utf-8", "replace"))):
        if number >= _MOST_STACKS:
            return
        asked = [at for at, name in enumerate(names) if _ASKED.fullmatch(name)]
        left = names[asked[-1] + 1 :] if asked else names
        if left:
            yield KernelTrace(host=False, sure=True, place=left[0], functions=left[1:], refs=(evidence.ref(line),))


def _stacks(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Each stack with the line that it begins in."""
    names: list[str] = []
    first = 1
    for number, raw in enumerate(text.split("\n")[:_MOST_LINES], 1):
        line = raw[:_LONGEST].strip()
        frame = _FRAME.match(line)
        if frame:
            first = first if names else number
            names += [frame["name"]] if len(names) < _MOST_FRAMES else []
        elif names and (not line or _HEAD.match(line)):
            yield first, tuple(names)
            names = []
    if names:
        yield first, tuple(names)
