"""Facts from pasted text about when its pieces were made, and about snapshots of one kind that stand in it more than once."""

from enum import StrEnum

import msgspec

from crazytrain.model.evidence import Ref
from crazytrain.model.facts.threads import TaskTable


class MarkKind(StrEnum):
    """What a mark in a text tells of the pieces around it."""

    WALL = "a clock on the wall"  # a day and a time, or the time alone
    UPTIME = "the time since boot"
    PROMPT = "a prompt with the time"  # it is shown when the command above it has ended
    EVENT = "something that happened before or behind"
    STEP = "an interval"  # between what stands before it and what stands behind
    LOOP = "an interval of a loop"  # between all that stand behind
    APART = "an interval that somebody tells of"  # between two that stand anywhere


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """One line that tells of time. ``ns`` is a moment or an interval; ``dated`` whether the day is known, else ``ns`` is of a day."""

    kind: MarkKind
    line: int
    ns: int
    says: str
    dated: bool = True


class Moments(msgspec.Struct, frozen=True, kw_only=True):
    """The marks of one text (``text`` is its name), in order of its lines."""

    text: str
    marks: tuple[Mark, ...]


class InterruptReading(msgspec.Struct, frozen=True, kw_only=True):
    """``/proc/interrupts`` once: name, what raises it, and how often since boot, over all CPUs."""

    mono_ns: int
    rows: tuple[tuple[str, str, int], ...]
    guest: bool | None
    cpus: int
    ref: Ref


class LinuxIrqRate(msgspec.Struct, frozen=True):
    """One line of ``/proc/interrupts`` over the window."""

    name: str
    what: str
    per_s: float


class LinuxInterrupts(msgspec.Struct, frozen=True, kw_only=True):
    """``/proc/interrupts`` over the window, the most frequent first. ``guest`` is known where devices or vectors show it."""

    window_ns: int
    rates: tuple[LinuxIrqRate, ...]
    guest: bool | None
    cpus: int
    refs: tuple[Ref, ...]

    def per_s(self, *words: str) -> float:
        """All lines together whose name or device holds one of these words."""
        return sum(
            rate.per_s for rate in self.rates if any(word in f"{rate.name} {rate.what}".split() for word in words)
        )


class CpuTicksReading(msgspec.Struct, frozen=True, kw_only=True):
    """``/proc/stat`` once: clock ticks of each CPU since boot (-1: all), in the file's order from user to guest; so many as it has.

    The ticks of a CPU are a clock of their own: they grow by 100 a second.
    """

    mono_ns: int
    cpus: tuple[tuple[int, tuple[int, ...]], ...]
    interrupts: int | None
    switches: int | None
    ref: Ref


class TasksPrinted(msgspec.Struct, frozen=True, kw_only=True):
    """Threads as printed once, ``ref`` where they begin. Not all of a process need stand there."""

    mono_ns: int
    table: TaskTable
    ref: Ref


class ProcessTicks(msgspec.Struct, frozen=True, kw_only=True):
    """``/proc/PID/stat`` once: clock ticks of a whole QEMU process, ended threads with them."""

    mono_ns: int
    pid: int
    comm: str
    ticks: int
    ref: Ref


class SnapshotPair(msgspec.Struct, frozen=True, kw_only=True):
    """Snapshots of one kind in pasted text. ``window_ns`` 0: how far apart they are is not told, so there is no rate.

    ``how`` says how the time between is known. ``grew`` names what grew most between the first and the last, for people.
    """

    what: str
    number: int
    window_ns: int
    how: str
    grew: tuple[tuple[str, int], ...]
    refs: tuple[Ref, ...]


class Snapshots(msgspec.Struct, frozen=True, kw_only=True):
    """All kinds of which there are several snapshots."""

    pairs: tuple[SnapshotPair, ...]


class GuestMemory(msgspec.Struct, frozen=True, kw_only=True):
    """A guest's memory as printed once: ``actual_bytes`` is what the balloon leaves it; ``None`` is not told.

    ``usable_bytes`` could be had without swapping, ``swapped_in_bytes`` came from the guest's own swap since its boot. ``told_by`` is the command.
    """

    mono_ns: int
    told_by: str
    actual_bytes: int
    usable_bytes: int | None = None
    swapped_in_bytes: int | None = None
    ref: Ref
