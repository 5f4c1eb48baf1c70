"""STACKS: the functions that each sleeping thread is in, JSON lines, one a thread."""

from collections.abc import Iterable

import msgspec

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.stacks import StackFrame, UserStack, UserStacks

_MOST_THREADS, _MOST_FRAMES = 4096, 64


class _Frame(msgspec.Struct):
    ip: int
    module: str
    offset: int
    symbol: str = ""
    plus: int = 0
    how: str = "unwound"


class _Line(msgspec.Struct):
    tid: int
    comm: str
    mono_ns: int
    ended: str
    frames: tuple[_Frame, ...] = ()
    switches: int | None = None
    stopped_ns: int | None = None


def decode_stacks(evidence: Evidence) -> Iterable[object]:
    """Yield one ``UserStacks``; lines that cannot be read are left out, threads without frames are kept with the reason."""
    found = []
    for number, line in enumerate(evidence.data.splitlines()[:_MOST_THREADS], 1):
        try:
            found.append(_stack(msgspec.json.decode(line, type=_Line), evidence, number))
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            continue
    if found:
        yield UserStacks(mono_ns=evidence.mono_ns, stacks=tuple(found), refs=(evidence.ref(),))


def _stack(line: _Line, evidence: Evidence, number: int) -> UserStack:
    frames = tuple(
        StackFrame(module=f.module, offset=f.offset, symbol=f.symbol, plus=f.plus, certain=f.how != "searched")
        for f in line.frames[:_MOST_FRAMES]
    )
    return UserStack(
        tid=line.tid,
        comm=line.comm,
        mono_ns=line.mono_ns,
        frames=frames,
        ended=line.ended,
        switches=line.switches,
        stopped_ns=line.stopped_ns,
        refs=(evidence.ref(number),),
    )
