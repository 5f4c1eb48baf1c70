"""Difference: one measure of two guests, and how sure it is that they differ. These structs are JSON output, a public contract."""

from enum import StrEnum

import msgspec

# A difference matters from this factor on, and only above these amounts.
NOTABLE_FACTOR = 3.0
LEAST_SHARE = 0.05
LEAST_PER_S = 50.0


class Standing(StrEnum):
    """What can be said of a measure: it differs in a way that matters, it does not, or this evidence cannot tell.

    ``FOLLOWS``: it differs, but only follows from others, and none of those does. ``SAYS_NOTHING``: it differs as two healthy guests
    do, too: by what they print, by how loaded the host is, by how long they run, by how much they have to do.
    """

    DIFFERS = "differs"
    ALIKE = "alike"
    CANNOT_TELL = "cannot tell"
    FOLLOWS = "only follows"
    SAYS_NOTHING = "differs, but says nothing"


class Judged(StrEnum):
    """What is held of one side by its own diagnosis."""

    HEALTHY = "healthy"
    SICK = "sick"
    OPEN = "open"


class Range(msgspec.Struct, frozen=True):
    """The interval that holds the true figure 19 times of 20; ``high`` is ``null`` where it has no upper end."""

    low: float
    high: float | None


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One measure here and there. ``ratio`` is here / there, ``null`` where there is 0.

    ``unit``: ``per_s``, ``share`` (of a CPU, of time, of samples) ``of_calls`` (a share of all calls of a text without times)
    or ``state`` (1 where it is so, 0 where it is not).
    ``chance`` is how often two guests that are equal would differ so much, raised for the number of measures (Holm).
    ``here_count`` and ``there_count`` are what was counted, ``null`` for what is no count; ``*_name`` what it is called on that
    side; ``*_ours`` how much of it whoever looked may have caused. ``odd`` says why it is normal where it looks alarming,
    ``by`` how it comes about, ``source`` what it was read from. ``follows``: it only follows from other measures. ``nothing``: why
    a difference of it says nothing.
    """

    measure: str
    unit: str
    here: float
    there: float
    ratio: float | None
    notable: bool
    standing: Standing = Standing.CANNOT_TELL
    here_range: Range | None = None
    there_range: Range | None = None
    ratio_range: Range | None = None
    chance: float | None = None
    here_count: float | None = None
    there_count: float | None = None
    here_name: str = ""
    there_name: str = ""
    here_ours: float = 0.0
    there_ours: float = 0.0
    source: str = ""
    odd: str = ""
    by: str = ""
    follows: bool = False
    nothing: str = ""
    evidence_here: tuple[str, ...] = ()
    evidence_there: tuple[str, ...] = ()


class Unseen(msgspec.Struct, frozen=True, kw_only=True):
    """What only one side has looked at. ``side`` is where it was seen; ``measures`` are the largest of what was seen there."""

    source: str
    side: str
    measures: tuple[str, ...] = ()


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two guests compared. ``differences`` are all measures that both sides have, what differs most first.

    ``no_times`` names the sides (``here``, ``there``) whose calls have no times, so that only shares of calls can be compared; ``no_threads`` and
    ``no_descriptors`` those whose calls name none, so that only their totals can.
    """

    differences: tuple[Difference, ...] = ()
    unseen: tuple[Unseen, ...] = ()
    no_times: tuple[str, ...] = ()
    no_threads: tuple[str, ...] = ()
    no_descriptors: tuple[str, ...] = ()

    @property
    def notable(self) -> tuple[Difference, ...]:
        """What differs in a way that matters."""
        return tuple(d for d in self.differences if d.notable)

    @property
    def harmless(self) -> tuple[Difference, ...]:
        """What differs, and says nothing."""
        return tuple(d for d in self.differences if d.standing is Standing.SAYS_NOTHING)

    @property
    def odd(self) -> tuple[Difference, ...]:
        """What looks odd, was seen on both sides, and is not known to differ."""
        both = (d for d in self.differences if d.odd and d.here and d.there)
        return tuple(d for d in both if not d.notable)


class SideView(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two. ``kind``: ``live``, ``case`` or ``text``; ``window_ns`` ``null`` where it holds no times.

    ``symptoms``: the causes that hold and stand under ``cause``.
    """

    name: str
    kind: str
    about: str = ""
    window_start: str = ""
    window_ns: int | None = None
    family: str = ""
    cause: str = ""
    confidence: float = 0.0
    headline: str = ""
    symptoms: tuple[str, ...] = ()
    case: str = ""
    notes: tuple[str, ...] = ()


class DiffReport(msgspec.Struct, frozen=True, kw_only=True):
    """All that ``crazytrain diff`` shows. ``answer`` is the sentence that answers; ``same_kind`` what the two have in common."""

    schema_version: int
    tool: str
    here: SideView
    there: SideView
    answer: str
    comparison: Comparison
    same_kind: tuple[str, ...] = ()
    other_kind: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
