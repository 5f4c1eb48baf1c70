"""Report: findings for a reader. These structs are the JSON output; their shape is a public contract.

``schema_version`` changes when a field is renamed or removed; fields may be added at any time.
"""

import msgspec

from crazytrain.model.difference import Difference, Unseen

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
    """The verdict on one cause. ``missing`` are looks that would decide, ``unseen`` is what else it did without."""

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
    unseen: tuple[str, ...] = ()


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


class BaselineView(msgspec.Struct, frozen=True, kw_only=True):
    """The healthy guest compared with: which, why that one, and what differs; ``name`` empty where there was none.

    ``unseen`` is what only one of the two has looked at; ``word`` is what ``crazytrain diff`` knows it by: its name, pid or case.
    """

    name: str
    pid: int | None = None
    word: str = ""
    choice: str = ""
    differences: tuple[Difference, ...] = ()
    unseen: tuple[Unseen, ...] = ()


class CollectorSpentView(msgspec.Struct, frozen=True, kw_only=True):
    """CPU time of one collector: in crazytrain's own process, and of the commands that it ran."""

    name: str
    rung: str
    own_cpu_ns: int
    commands_cpu_ns: int


class SpentView(msgspec.Struct, frozen=True, kw_only=True):
    """What looking cost in all, against the budget; ``null`` where it was not measured (pasted text, older cases).

    ``cpu_ns`` and ``cpu_budget_ns`` are of all looks at ``guests`` guests that went on together. ``rungs`` are those of the
    ladder that were really used, ``bytes`` what was kept of this guest and of the one that it is compared with.
    """

    cpu_ns: int | None = None
    cpu_budget_ns: int | None = None
    longest_stall_ns: int | None = None
    stall_budget_ns: int | None = None
    bytes: int = 0
    rungs: tuple[str, ...] = ()
    guests: int = 1
    collectors: tuple[CollectorSpentView, ...] = ()


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
    spent: SpentView = SpentView()
    notes: tuple[str, ...] = ()
