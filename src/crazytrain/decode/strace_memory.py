"""What is known of a trace from its blocks so far: it makes the next ones cheaper and changes nothing that is said."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TypeVar

from crazytrain.decode.strace_rows import RowReader
from crazytrain.decode.strace_wait import asked_for

Call = tuple[bytes, bytes, bytes]  # thread, head (`read(17`), outcome (`8`, `-1 EAGAIN`, `?` where it is not known)
_MOST_KNOWN = 20_000
_UNHEARD = -100

K = TypeVar("K")
V = TypeVar("V")


class Memory:
    """Grows up to a limit, then begins anew."""

    def __init__(self) -> None:
        self.rows = RowReader()
        self.traces = 0
        self.known: set[Call] = set()
        self.looked: Counter[Call] = Counter()
        self._names: dict[bytes, str] = {}
        self._asked: dict[tuple[str, bytes], int] = {}

    def forget(self) -> None:
        """Begin another trace: what was seen first and what was told is asked for anew."""
        self.known.clear()
        self.looked.clear()
        self.traces += 1

    def remember(self, calls: Iterable[Call], looked: Mapping[Call, int]) -> None:
        """Note which calls are known from now on, and how many lines of each were looked at closely."""
        if len(self.known) < _MOST_KNOWN:
            self.known.update(calls)
            for call, seen in looked.items():
                self.looked[call] += seen

    def name_of(self, head: bytes) -> str:
        """A call's name."""
        name = self._names.get(head)
        if name is None:
            name = head.partition(b"(")[0].decode("ascii", "replace")
            _keep(self._names, head, name)
        return name

    def asked_for(self, name: str, written: bytes) -> int:
        """What a wait asked for, by what its row has of it (see `strace_wait.asked_for`)."""
        asked = self._asked.get((name, written), _UNHEARD)
        if asked == _UNHEARD:
            asked = asked_for(name, written)
            _keep(self._asked, (name, written), asked)
        return asked


def _keep(known: dict[K, V], key: K, value: V) -> None:
    if len(known) >= _MOST_KNOWN:
        known.clear()
    known[key] = value
