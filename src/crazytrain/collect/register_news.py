"""Register samples of one guest for all who want them: each is handed on as it comes, so its monitor is asked once for all."""

import contextlib
from collections.abc import Callable, Iterator

Heard = Callable[[str, int], None]


class RegisterNews:
    """Who samples tells, who listens hears: what ``info registers -a`` printed, and when it was asked for (monotonic, ns)."""

    def __init__(self) -> None:
        self._listeners: list[Heard] = []

    @contextlib.contextmanager
    def heard_by(self, listener: Heard) -> Iterator[None]:
        """Let ``listener`` hear for the time of a ``with`` block; it must not wait, for the monitor is held meanwhile."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def tell(self, text: str, mono_ns: int) -> None:
        """Hand a sample on."""
        for listener in self._listeners:
            listener(text, mono_ns)
