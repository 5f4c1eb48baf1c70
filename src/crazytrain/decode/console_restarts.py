"""When kernels restarted, from the lines of a console: what they said of it themselves, and stamps that begin anew."""

import re
from collections import deque

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.restarts import ConsoleRestarts, Restart

_MOST_KEPT = 200
_STAMP = re.compile(r"\s*(?:<\d{1,3}>)?\[ *(\d{1,9})\.(\d{6})\](?:\[[^\]]{1,20}\])?\s*")
# kernel/reboot.c and kernel/panic.c, at levels that `quiet` does not hide.
_RESTARTS = re.compile(r"(?:reboot: )?Restarting system")
_WILL_RESTART = re.compile(r"Rebooting in (\d{1,9}) seconds")
_BACK_NS = 10**9  # CPUs print a little out of order


class RestartReader:
    """Reads a console line by line. A kernel that told of its restart is counted once, and so is one that only ended."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._found: deque[Restart] = deque(maxlen=_MOST_KEPT)
        self._last: Restart | None = None
        self._told = False
        self._waits_s: int | None = None

    def line(self, number: int, text: str) -> None:
        """Take one line, without terminal sequences; ``number`` counts from 1."""
        stamp = _STAMP.match(text) if "[" in text[:40] else None
        if stamp is None:
            return
        now = Restart(int(stamp[1]) * 10**9 + int(stamp[2]) * 1000, self._evidence.ref(number))
        if self._last is not None and now.uptime_ns + _BACK_NS < self._last.uptime_ns:
            self._ended(self._last)
        self._last = now
        said = text[stamp.end() :]
        if will := _WILL_RESTART.match(said):
            self._tell(now, int(will[1]))
        elif _RESTARTS.match(said):
            self._tell(now, None)

    def _ended(self, last: Restart) -> None:
        if not self._told:
            self._found.append(last)
        self._told, self._waits_s = False, None

    def _tell(self, now: Restart, waits_s: int | None) -> None:
        self._found.append(now)
        self._told, self._waits_s = True, waits_s

    def restarts(self) -> ConsoleRestarts | None:
        """All of them; ``None`` where there were none."""
        if not self._found:
            return None
        refs = (self._evidence.ref(),)
        return ConsoleRestarts(restarts=tuple(self._found), waits_s=self._waits_s, refs=refs)
