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
    """One line that matters. ``text`` is the guest's and hostile: escape before showing."""

    meaning: LineMeaning
    text: str
    ref: Ref


class ConsoleLog(msgspec.Struct, frozen=True, kw_only=True):
    """The console: ``lines`` read, those that matter, and how many lines follow the last one that matters."""

    lines: int
    matter: tuple[ConsoleLine, ...]
    after_last: int
    refs: tuple[Ref, ...]
