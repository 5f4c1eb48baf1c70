"""Where a log's clock falls back: another boot began, somebody set the clock, or lines came late."""

from crazytrain.model.facts.log_templates import ClockJump

LATE_S = 5  # programs on several CPUs, and relays, are not in order within such a time
_MOST = 20


class Falls:
    """Makes one growing clock of stamps that count from the boot; of others it only notes the falls.

    ``sum_s`` is what was counted in the boots before this one, ``boots`` where each further one began, ``back_s`` by how much it fell in
    all where it did not count from the boot.
    """

    def __init__(self) -> None:
        self.sum_s = 0
        self.boots: list[int] = []
        self.jumps: list[ClockJump] = []
        self.more = 0
        self.back_s = 0

    def fell(self, line: int, before_s: int, now_s: int, *, boot: bool) -> int:
        """A line is stamped before the one in front of it; gives the line's time, on the growing clock."""
        if before_s - now_s <= LATE_S:
            return now_s
        if boot:
            raw_s = now_s - self.sum_s
            self.sum_s = before_s
            self._note(ClockJump(line=line, from_s=before_s, to_s=before_s + raw_s))
            if len(self.boots) < _MOST:
                self.boots.append(before_s)
            return before_s + raw_s
        self.back_s += before_s - now_s
        self._note(ClockJump(line=line, from_s=before_s, to_s=now_s))
        return now_s

    def _note(self, jump: ClockJump) -> None:
        if len(self.jumps) < _MOST:
            self.jumps.append(jump)
        else:
            self.more += 1
