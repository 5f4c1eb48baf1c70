"""Lines of a strace that report no call: signals, threads it attached to, its command, and what nobody can read."""

import msgspec

from crazytrain.decode.strace_line import attached_in, command_in, is_note, signal_in
from crazytrain.decode.strace_rows import NOTHING, Sheet
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.syscalls import SignalDelivery

_MOST_ATTACHED = 1024
_MOST_SIGNALS = 256


class Notes(msgspec.Struct):
    """What such lines say. ``attached``: how many threads strace found there; ``signals``: how many by name and code, and
    the first one's line.
    """

    attached: dict[int, int] = {}
    follows: bool = False
    blank: int = 0
    unread: int = 0
    signals: dict[tuple[str, str], tuple[int, int]] = {}

    def read(self, line: bytes, number: int) -> None:
        """Take one line."""
        follows = command_in(line)
        if not line.strip():
            self.blank += 1
        elif follows is not None:
            self.follows |= follows
        elif is_note(line):
            self._note(line, number)
        else:
            self.unread += 1

    def _note(self, line: bytes, number: int) -> None:
        signal, attached = signal_in(line), attached_in(line)
        if signal:
            self._signal((signal.name, signal.code), 1, number)
        if attached:
            self._attach(*attached)

    def _signal(self, signal: tuple[str, str], more: int, number: int) -> None:
        if len(self.signals) < _MOST_SIGNALS or signal in self.signals:
            count, first = self.signals.get(signal, (0, number))
            self.signals[signal] = (count + more, first)

    def _attach(self, process: int, threads: int) -> None:
        if len(self.attached) < _MOST_ATTACHED:
            self.attached[process] = max(threads, self.attached.get(process, 0))

    def add(self, others: "Notes", lines_before: int) -> None:
        """Add what the lines after these say."""
        self.follows |= others.follows
        self.blank += others.blank
        self.unread += others.unread
        for signal, (count, first) in others.signals.items():
            self._signal(signal, count, first + lines_before)
        for process, threads in others.attached.items():
            self._attach(process, threads)

    def deliveries(self, evidence: Evidence) -> tuple[SignalDelivery, ...]:
        """Signals that interrupted a thread, by kind; the lines are those of the evidence."""
        return tuple(
            SignalDelivery(signal=name, code=code, count=count, ref=evidence.ref(line))
            for (name, code), (count, line) in self.signals.items()
        )


def notes_in(sheet: Sheet) -> Notes:
    """Look at the lines of a sheet in which no call stands; lines are counted from 0."""
    notes = Notes()
    if NOTHING in sheet.counts:
        for index in sheet.where({NOTHING}):
            notes.read(sheet.lines[index], index)
    return notes
