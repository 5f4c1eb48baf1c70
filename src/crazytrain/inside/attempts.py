"""Reading parts each on its own: what fails is noted with its reason, and the rest goes on."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from crazytrain.model.facts.inside import Missing
from crazytrain.model.guest_memory import Unreadable

T = TypeVar("T")
P = ParamSpec("P")
_MOST = 3  # reasons for one part


class Attempts:
    """What could not be read, each reason once, and no more than some for one part."""

    def __init__(self) -> None:
        self._missing: dict[Missing, None] = {}

    def note(self, what: str, why: str) -> None:
        """Note a part that is missing, and why."""
        if sum(one.what == what for one in self._missing) < _MOST:
            self._missing[Missing(what, why)] = None

    def get(self, what: str, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Give what ``read`` gives, ``None`` and a note where it is ``Unreadable``."""
        try:
            return read(*args, **kwargs)
        except Unreadable as error:
            self.note(what, str(error))
            return None

    @property
    def missing(self) -> tuple[Missing, ...]:
        """All that was noted."""
        return tuple(self._missing)
