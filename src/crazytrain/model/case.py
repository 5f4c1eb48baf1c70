"""Case: evidence of one guest over one window, saved so that it can be opened, checked, replayed and shared."""

import msgspec

from crazytrain.model.evidence import Evidence
from crazytrain.model.guest import Guest


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """When it was looked: wall-clock start, monotonic start and end, all in ns."""

    wall_ns: int
    start_ns: int
    end_ns: int

    @property
    def length_ns(self) -> int:
        """How long, in ns."""
        return self.end_ns - self.start_ns


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What was kept. ``guest`` is ``None`` for pasted text; ``complete`` is false where the capture was cut off."""

    id: str
    guest: Guest | None
    window: Window | None
    evidence: tuple[Evidence, ...]
    complete: bool = True
    note: str = ""
    baseline: "Case | None" = None
    baseline_choice: str = ""
