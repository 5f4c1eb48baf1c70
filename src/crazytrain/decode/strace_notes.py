"""Lines of a strace that report no call: signals, threads it attached to, its command, and what nobody can read."""

from crazytrain.decode.strace_count import NOTHING, Block
from crazytrain.decode.strace_line import attached_in, command_in, is_note, signal_in
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.syscalls import SignalDelivery

_MOST_ATTACHED = 1024
_MOST_SIGNALS = 256


class Notes:
    """Gathers them while a trace goes by."""

    def __init__(self) -> None:
        self.attached: dict[int, int] = {}  # how many threads strace found there
        self.follows = False
        self.blank = 0
        self.unread = 0
        self.lines = 0
        self._signals: dict[tuple[str, str], tuple[int, int]] = {}

    def add(self, block: Block) -> None:
        """Look at the lines of a block in which no call stands."""
        self.lines += len(block.lines)
        if NOTHING not in block.counts:
            return
        for index, row in enumerate(block.rows):
            if row == NOTHING:
                self._read(block.lines[index], block.first + index)

    def _read(self, line: bytes, number: int) -> None:
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
        if signal and (len(self._signals) < _MOST_SIGNALS or (signal.name, signal.code) in self._signals):
            count, first = self._signals.get((signal.name, signal.code), (0, number))
            self._signals[signal.name, signal.code] = (count + 1, first)
        if attached and len(self.attached) < _MOST_ATTACHED:
            self.attached[attached[0]] = max(attached[1], self.attached.get(attached[0], 0))

    def deliveries(self, evidence: Evidence) -> tuple[SignalDelivery, ...]:
        """Signals that interrupted a thread, by kind."""
        return tuple(
            SignalDelivery(signal=name, code=code, count=count, ref=evidence.ref(line))
            for (name, code), (count, line) in self._signals.items()
        )
