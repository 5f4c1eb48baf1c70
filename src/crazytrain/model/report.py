"""Report: findings for a reader. These structs are the JSON output; their shape is a public contract.

``schema_version`` changes when a field is renamed or removed; fields may be added at any time.
"""

import msgspec

SCHEMA_VERSION = 1


class GuestView(msgspec.Struct, frozen=True, kw_only=True):
    """The guest, as reports show it."""

    name: str
    pid: int | None = None
    uuid: str = ""
    manager: str = "unknown"
    accelerator: str = "unknown"
    vcpus: int | None = None
    memory_bytes: int | None = None
    machine: str = ""
    qemu_version: str = ""
    host: str = ""
    start_ticks: int | None = None


class WindowView(msgspec.Struct, frozen=True, kw_only=True):
    """When it was looked: ISO time with zone, length in ns; ``null`` length where pasted text holds no times."""

    start: str = ""
    length_ns: int | None = None


class VerdictView(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: one headline, family and cause by their slugs, confidence from 0 to 1.

    ``standing`` says in a word what the confidence means: almost certain, likely, possible, unlikely or unknown.
    """

    headline: str
    family: str
    cause: str
    confidence: float
    standing: str


class PointView(msgspec.Struct, frozen=True, kw_only=True):
    """One fact in a sentence with the evidence that it rests on, and its likelihood ratio."""

    fact: str
    evidence: tuple[str, ...]
    ratio: float


class StepView(msgspec.Struct, frozen=True, kw_only=True):
    """Something to do: why, the command, and what it does to the guest (empty: nothing)."""

    why: str
    command: str = ""
    harm: str = ""


class LookView(msgspec.Struct, frozen=True, kw_only=True):
    """A look that would decide."""

    what: str
    command: str = ""


class FindingView(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on one cause."""

    family: str
    cause: str
    verdict: str
    confidence: float
    headline: str
    because: tuple[PointView, ...] = ()
    against: tuple[PointView, ...] = ()
    missing: tuple[LookView, ...] = ()
    remedy: tuple[StepView, ...] = ()
    meaning: str = ""
    engineer: str = ""
    refute: str = ""
    references: tuple[str, ...] = ()
    folded_into: str = ""


class CostView(msgspec.Struct, frozen=True, kw_only=True):
    """What a look cost: its rung on the ladder, and what was measured (``null``: not measured)."""

    rung: str
    took_ns: int
    cpu_ns: int | None = None
    stall_ns: int | None = None
    bytes: int = 0


class EvidenceView(msgspec.Struct, frozen=True, kw_only=True):
    """One look: where, when, how it ended, what it cost."""

    id: str
    kind: str
    source: str
    outcome: str
    detail: str
    cost: CostView


class StoryLine(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence of what was seen (which thread does what, on which descriptor, how often), with its evidence."""

    says: str
    evidence: tuple[str, ...] = ()


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One measure here and in the healthy guest. ``ratio`` is here / there, ``null`` where there is 0."""

    measure: str
    unit: str
    here: float
    there: float
    ratio: float | None
    notable: bool


class BaselineView(msgspec.Struct, frozen=True, kw_only=True):
    """The healthy guest compared with: which, why that one, and what differs; ``name`` empty where there was none."""

    name: str
    pid: int | None = None
    choice: str = ""
    differences: tuple[Difference, ...] = ()


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All that a report shows."""

    schema_version: int
    tool: str
    guest: GuestView | None
    window: WindowView
    verdict: VerdictView
    findings: tuple[FindingView, ...]
    story: tuple[StoryLine, ...]
    looks: tuple[LookView, ...]
    evidence: tuple[EvidenceView, ...]
    baseline: BaselineView
    case: str = ""
    complete: bool = True
    notes: tuple[str, ...] = ()
