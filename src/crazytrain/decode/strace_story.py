"""What single lines of a strace tell: which signal was read, for how long a timer was armed, what was drained."""

import re
import struct
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from msgspec.structs import replace

from crazytrain.decode.strace_calls import READS
from crazytrain.decode.strace_line import Call, octets_of, parse_call
from crazytrain.decode.strace_wait import WAITS, loop_wait
from crazytrain.model.evidence import Evidence, Ref
from crazytrain.model.facts.syscalls import Drained, HandlerQuery, LoopWait, SignalRead, TimerArm, TraceStory, Transfer

MOST_OF_A_KIND = 8
MOST_ALIKE = 4  # of the same call on the same descriptor
LOOKS = 64  # how many lines of one call with one outcome are read in detail to find them

_SIGINFO_BYTES = 128  # sizeof(struct signalfd_siginfo), signalfd(2)
_SIGINFO = struct.Struct("<Iii")  # ssi_signo, ssi_errno, ssi_code
_COUNTER_BYTES = 8  # what an eventfd gives and takes, eventfd(2)
_LARGEST_COUNT = 2**48  # an eventfd never gets there: eight bytes of text would
_NOW = ("EAGAIN", "EWOULDBLOCK")
_WRITES = ("write", "send", "sendto")
_TIME = rb"\{(?:tv_sec=)?(\d{1,9}), (?:tv_nsec=)?(\d{1,9})\}"
_ARMED = re.compile(rb"(\d{1,9}), 0, \{it_interval=" + _TIME + rb", it_value=" + _TIME + rb"\}")
_QUERY = re.compile(rb"(SIG\w{1,12}), NULL\b")

T = TypeVar("T")
Item = SignalRead | TimerArm | HandlerQuery | Transfer | Drained | LoopWait


def timer_arm(call: Call, ref: Ref) -> TimerArm | None:
    """A POSIX timer armed for a time from now; ``None`` for absolute times."""
    found = _ARMED.match(call.args)
    if not found:
        return None
    timer, every_s, every_ns, value_s, value_ns = (int(digits) for digits in found.groups())
    value_ns, every_ns = value_s * 10**9 + value_ns, every_s * 10**9 + every_ns
    return TimerArm(timer=timer, value_ns=value_ns, interval_ns=every_ns, ref=ref, tid=call.tid)


def handler_query(call: Call, ref: Ref) -> HandlerQuery | None:
    """A question for a signal's handler; ``None`` where one is set."""
    found = _QUERY.match(call.args)
    return HandlerQuery(signal=found[1].decode(), ref=ref) if found else None


def signal_read(call: Call, ref: Ref) -> SignalRead | None:
    """The first signal that a read of a signalfd gave. Of the 32 bytes that strace shows 12 are needed."""
    if not call.result or call.result < 0 or call.result % _SIGINFO_BYTES or call.fd is None or call.name != "read":
        return None
    octets = octets_of(call.args.partition(b", ")[2])
    if octets is None or len(octets) < _SIGINFO.size:
        return None
    number, error, code = _SIGINFO.unpack_from(octets)
    if not (1 <= number <= 64 and 0 <= error < 4096 and -64 <= code <= 128):
        return None
    return SignalRead(fd=call.fd, number=number, code=code, ref=ref, tid=call.tid)


def transfer(call: Call, ref: Ref) -> Transfer | None:
    """Eight bytes that may be an eventfd's count, with the number that they are."""
    if call.result != _COUNTER_BYTES or call.fd is None:
        return None
    octets = octets_of(call.args.partition(b", ")[2])
    if octets is None or len(octets) != _COUNTER_BYTES:
        return None
    value = int.from_bytes(octets, "little")
    if value >= _LARGEST_COUNT:
        return None
    return Transfer(call=call.name, fd=call.fd, value=value, result=call.result, ref=ref, tid=call.tid)


def drained(call: Call, ref: Ref) -> Drained | None:
    """An empty queue. Whether it gave data elsewhere is filled in at the end."""
    if call.errno not in _NOW or call.fd is None:
        return None
    return Drained(call=call.name, fd=call.fd, after_data=False, ref=ref, tid=call.tid)


_Maker = Callable[[Call, Ref], Item | None]
_OF_READS: tuple[_Maker, ...] = (drained, signal_read, transfer)
_MAKERS: dict[str, tuple[_Maker, ...]] = {
    **dict.fromkeys(READS, _OF_READS),
    **dict.fromkeys(_WRITES, (transfer,)),
    "timer_settime": (timer_arm,),
    "rt_sigaction": (handler_query,),
    "sigaction": (handler_query,),
}
TELLING = WAITS | _MAKERS.keys()
_MADE_OF_MANY_DESCRIPTORS = (Transfer, Drained, SignalRead)


class Storyteller:
    """Keeps the first few items of each kind while a trace goes by."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._looked: Counter[tuple[bytes, bytes, bytes]] = Counter()
        self._kept: dict[type, list[Item]] = {}
        self._alike: Counter[tuple[type, str, int]] = Counter()

    def add(self, call: tuple[bytes, bytes, bytes], text: bytes, line: int) -> None:
        """Read a line in detail, if not enough of its kind were read before. Lines come in order."""
        if self._looked[call] < LOOKS:
            self._looked[call] += 1
            self._read(text, line)

    def _read(self, text: bytes, line: int) -> None:
        call = parse_call(text)
        if call is None:
            return
        ref = self._evidence.ref(line)
        if call.name in WAITS:
            self._keep(loop_wait(call, text, ref))
        for make in _MAKERS.get(call.name, ()):
            self._keep(make(call, ref))

    def _keep(self, item: Item | None) -> None:
        kept = self._kept.setdefault(type(item), [])
        if item is None or len(kept) >= MOST_OF_A_KIND:
            return
        if isinstance(item, _MADE_OF_MANY_DESCRIPTORS):
            key = (type(item), getattr(item, "call", ""), item.fd)
            self._alike[key] += 1
            if self._alike[key] > MOST_ALIKE:
                return
        kept.append(item)

    def story(self, gave: frozenset[int]) -> TraceStory:
        """The items kept. ``gave`` are the descriptors that brought data anywhere in the trace."""
        return TraceStory(
            signals=self._all(SignalRead),
            arms=self._all(TimerArm),
            queries=self._all(HandlerQuery),
            transfers=self._all(Transfer),
            drained=tuple(replace(item, after_data=item.fd in gave) for item in self._all(Drained)),
            waits=self._all(LoopWait),
        )

    def _all(self, kind: type[T]) -> tuple[T, ...]:
        return tuple(item for item in self._kept.get(kind, ()) if isinstance(item, kind))
