"""Register samples of one guest for all who want them: each is handed on as it comes, so its monitor is asked once for all."""

import contextlib
from collections import deque
from collections.abc import Callable, Iterator

Heard = Callable[[str, int], None]

_MOST_UNHEARD, _MOST_UNHEARD_CHARS = 24, 1 << 20


class RegisterNews:
    """Who samples tells, who listens hears: what ``info registers -a`` printed, and when it was asked for (monotonic, ns)."""

    def __init__(self) -> None:
        self._listeners: list[Heard] = []
        self._unheard: deque[tuple[str, int]] = deque(maxlen=_MOST_UNHEARD)

    @contextlib.contextmanager
    def heard_by(self, listener: Heard) -> Iterator[None]:
        """Let ``listener`` hear for the time of a ``with`` block; it must not wait, for the monitor is held meanwhile."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def tell(self, text: str, mono_ns: int) -> None:
        """Hand a sample on; what nobody listens to is kept for a while, as far as there is room."""
        for listener in self._listeners:
            listener(text, mono_ns)
        if not self._listeners:
            self._unheard.append((text, mono_ns))
            while sum(len(one) for one, _ in self._unheard) > _MOST_UNHEARD_CHARS:
                self._unheard.popleft()

    def unheard(self) -> tuple[tuple[str, int], ...]:
        """Give the last samples to which nobody listened, oldest first, once."""
        found = tuple(self._unheard)
        self._unheard.clear()
        return found
