"""Facts from the guest's own words: its serial console as the host has it."""

from enum import StrEnum

import msgspec

from crazytrain.model.evidence import Ref


class LineMeaning(StrEnum):
    """What a log line stands for. Lines without a meaning here are not kept as facts."""

    PANIC = "kernel panic"
    SOFT_LOCKUP = "soft lockup"
    HARD_LOCKUP = "hard lockup"
    RCU_STALL = "RCU stall"
    HUNG_TASK = "hung task"
    CLOCKSOURCE = "clocksource"
    TSC = "TSC unstable"
    OOM = "out of memory"
    IO_ERROR = "I/O error"
    OOPS = "oops"
    NO_BOOT = "nothing to boot"


class ConsoleLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line that matters. ``text`` is the guest's and hostile: escape before showing.

    ``said_in`` is where it stood; ``age_s`` how long before the look it was said, ``None`` where nobody knows.
    """

    meaning: LineMeaning
    text: str
    ref: Ref
    said_in: str = "the guest's console"
    age_s: float | None = None

    @property
    def says(self) -> str:
        """The line, and where it stood."""
        return f"{self.said_in} says: {self.text}"


class ConsoleLog(msgspec.Struct, frozen=True, kw_only=True):
    """What the guest itself said, on its console or in its kernel log: ``lines`` read, those that matter, and how many lines
    follow the last one that matters.
    """

    lines: int
    matter: tuple[ConsoleLine, ...]
    after_last: int
    refs: tuple[Ref, ...]
