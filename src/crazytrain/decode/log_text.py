"""LOG_TEXT: a kernel's log as pasted, of the host or of the guest. Which of the two its content tells (`log_side`)."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from crazytrain.decode.console import meaning_of as guest_meaning
from crazytrain.decode.kernel_log_patterns import meaning_of, task_of
from crazytrain.decode.log_lines import LogLine, log_line
from crazytrain.decode.log_pieces import by_side
from crazytrain.decode.log_side import side
from crazytrain.decode.log_traces import traces
from crazytrain.model.evidence import Evidence, Ref
from crazytrain.model.facts.console import ConsoleLine, ConsoleLog
from crazytrain.model.facts.kernel_traces import LogClock
from crazytrain.model.facts.logs import KernelLine, KernelLog

_WHOLE_FROM = 300  # lines: fewer than a kernel says as it boots, so somebody chose them
_MOST_LINES = 100_000
_MOST_KEPT = 400
_LONGEST = 400
_UNSURE = "a kernel's log (it does not tell whose)"
_GUESTS = "the guest's log"
_CENTURY_NS = 100 * 365 * 86_400 * 10**9  # no machine is up for so long

_Numbered = Sequence[tuple[int, LogLine]]


def decode_log_text(evidence: Evidence) -> Iterable[object]:
    """Yield a ``KernelLog`` (the host's) or a ``ConsoleLog`` (the guest's, and where nothing tells whose), and each call trace.

    A line's age counts back from the log's last stamp, for when somebody pasted it nobody knows. Lines of programs are read for whose log
    it is and for nothing else. ::

        [592420.654337] kvm [21715]: vcpu1 unhandled rdmsr: 0x611
        7月 27 10:48:59 neon kernel: x86/split lock detection: #AC: CPU 0/KVM/88279 took a split_lock trap at address: 0xfffff80104613be8
    """
    text = evidence.data.decode("utf-8", "backslashreplace").split("\n")[:_MOST_LINES]
    lines = [(number, log_line(line)) for number, line in enumerate(text, start=1) if line.strip()]
    if not lines:
        return
    for piece, (host, sure) in by_side(lines, side):
        yield from _of_side(piece, evidence, host=host, sure=sure)


def _of_side(lines: _Numbered, evidence: Evidence, *, host: bool, sure: bool) -> Iterator[object]:
    spoken = [(number, line) for number, line in lines if line.kernel]
    if host:
        yield _host_log(spoken, evidence)
    else:
        yield _guest_log(spoken, evidence, sure=sure)
    yield from traces(((number, line.text) for number, line in spoken), evidence, host=host, sure=sure)
    clock = _clock(spoken, evidence, host=host)
    if clock:
        yield clock


def _host_log(lines: _Numbered, evidence: Evidence) -> KernelLog:
    moments = _moments(lines)
    return KernelLog(
        lines=len(lines),
        matter=tuple(deque(_host_lines(lines, moments, evidence), maxlen=_MOST_KEPT)),
        since_s=next((moment / 1e9 for moment in moments if moment is not None), None),
        corrected_ns=0,
        mono_ns=max((moment for moment in moments if moment is not None), default=0),
        wall_ns=0,
        refs=(_ref(lines, evidence),),
        excerpt=len(lines) < _WHOLE_FROM,
    )


def _ref(lines: _Numbered, evidence: Evidence) -> Ref:
    return evidence.ref(lines[0][0], lines[-1][0]) if lines else evidence.ref()


def _moments(lines: _Numbered) -> list[int | None]:
    """When each line was said, on one clock: the kernel's own stamps where it has them, else the log's. What has none has its forerunner's."""
    own = any(line.stamp_ns is not None for _, line in lines)
    found: list[int | None] = []
    for _, line in lines:
        moment = line.stamp_ns if own else line.at_ns
        found.append(moment if moment is not None else found[-1] if found else None)
    return found


def _host_lines(lines: _Numbered, moments: Sequence[int | None], evidence: Evidence) -> Iterator[KernelLine]:
    for (number, line), moment in zip(lines, moments, strict=True):
        meaning = meaning_of(line.text)
        if meaning is None:
            continue
        pid, comm = task_of(line.text)
        yield KernelLine(
            meaning=meaning,
            text=line.text[:_LONGEST],
            ref=evidence.ref(number),
            stamp_s=None if moment is None else moment / 1e9,
            mono_ns=moment,
            pid=pid,
            comm=comm,
        )


def _guest_log(lines: _Numbered, evidence: Evidence, *, sure: bool) -> ConsoleLog:
    moments = _moments(lines)
    last = max((moment for moment in moments if moment is not None), default=None)
    matter: deque[ConsoleLine] = deque(maxlen=_MOST_KEPT)
    last_line = 0
    for (number, line), moment in zip(lines, moments, strict=True):
        meaning = guest_meaning(line.text)
        if meaning:
            last_line = number
            age_s = None if moment is None or last is None else (last - moment) / 1e9
            said_in = _GUESTS if sure else _UNSURE
            shown = line.text[:_LONGEST]
            matter.append(
                ConsoleLine(meaning=meaning, text=shown, ref=evidence.ref(number), said_in=said_in, age_s=age_s)
            )
    after = sum(number > last_line for number, _ in lines) if last_line else 0
    return ConsoleLog(lines=len(lines), matter=tuple(matter), after_last=after, refs=(_ref(lines, evidence),))


def _clock(lines: _Numbered, evidence: Evidence, *, host: bool) -> LogClock | None:
    """Stamps that no machine reaches: 2^63 ns stands for a clock that fell below zero."""
    mad = [(number, line) for number, line in lines if line.stamp_ns is not None and line.stamp_ns >= _CENTURY_NS]
    if not mad:
        return None
    before = [line.stamp_ns for _, line in lines if line.stamp_ns is not None and line.stamp_ns < _CENTURY_NS]
    stamp_ns = mad[0][1].stamp_ns or 0
    return LogClock(
        host=host, stamp_ns=stamp_ns, before_ns=before[-1] if before else None, refs=(evidence.ref(mad[0][0]),)
    )
