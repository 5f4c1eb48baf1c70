"""LogView: a log as ``crazytrain logs`` shows it. These structs are JSON output, a public contract (schema: docs/logs.schema.json).

Texts are as the log has them, unescaped: JSON escapes what a terminal would obey. Times are ISO 8601 with zone; in a log whose clock
counts from the boot they are ``+12 s``, with ``boot 2`` before it where it holds several.
"""

import msgspec

LOGS_SCHEMA_VERSION = 1


class LogSourceView(msgspec.Struct, frozen=True, kw_only=True):
    """One file, stream or evidence: its form (``text``, ``journal export``, ...), size as read, lines or journal entries."""

    name: str
    form: str
    bytes: int
    lines: int
    problem: str = ""


class LogLineView(msgspec.Struct, frozen=True, kw_only=True):
    """One line. ``line`` counts over all sources from 1. ``matters`` says why it is shown whatever else is; empty: because it is rare.

    ``like_it``: how many more like it were folded into this one, to keep the answer short.
    """

    line: int
    time: str
    template: str
    text: str
    matters: str = ""
    like_it: int = 0


class DhcpView(msgspec.Struct, frozen=True, kw_only=True):
    """DHCP on one interface. ``every_s`` is the usual time between two renewals of one client.

    ``lease_s``: the lease time; ``lease_said`` whether the log names it, else it is twice ``every_s`` (a client renews at half of it).
    ``network``: libvirt's network, where it is known. With ``command`` there would be ``then_renewals_per_day`` of a client, and
    ``then_lines_per_day`` of all.
    """

    interface: str
    messages: tuple[str, ...]
    clients: int
    renewals: int
    every_s: int | None
    lease_s: int | None
    lease_said: bool
    network: str = ""
    command: str = ""
    then_renewals_per_day: float | None = None
    then_lines_per_day: float | None = None


class FloodView(msgspec.Struct, frozen=True, kw_only=True):
    """Many lines that are alike. ``templates`` are what ``--raw`` takes. ``per_day`` is the rate between its first and last line.

    ``whole``: it went on as long as the log. ``every_s`` is the usual time between two lines, ``burst`` the most within one minute of the
    clock, which began at ``burst_time``.
    ``inside`` counts those within the time that was asked for, ``usual_inside`` how many there would be at the usual rate.
    """

    templates: tuple[str, ...]
    program: str
    pattern: str
    lines: int
    share: float
    first: str
    last: str
    per_day: float | None
    every_s: int | None
    burst: int
    burst_time: str
    whole: bool = False
    variants: int = 1
    dhcp: DhcpView | None = None
    inside: int | None = None
    usual_inside: float | None = None
    matters: str = ""


class LogJumpView(msgspec.Struct, frozen=True, kw_only=True):
    """The log's clock fell back (or another boot began)."""

    line: int
    from_time: str
    to_time: str
    back_s: int


class LogAroundView(msgspec.Struct, frozen=True, kw_only=True):
    """The time that was asked for, and how many lines it holds."""

    from_time: str
    until_time: str
    lines: int


class LogView(msgspec.Struct, frozen=True, kw_only=True):
    """All that is shown of a log. ``lines`` = the lines of ``floods`` + ``rare_lines`` + ``matter_lines`` + ``other_lines`` + ``outside``.

    ``shown`` are rare lines and lines that matter, in order; ``not_shown`` how many of those were left out, by program or meaning.
    ``other_lines`` are in ``other_kinds`` of floods beyond ``--top``. ``span_s`` is from the first to the last stamp.
    """

    schema_version: int
    tool: str
    sources: tuple[LogSourceView, ...]
    lines: int
    bytes: int
    first: str
    last: str
    span_s: int | None
    clock: str
    floods: tuple[FloodView, ...]
    other_kinds: int
    other_lines: int
    shown: tuple[LogLineView, ...]
    rare_lines: int
    matter_lines: int
    matters: tuple[tuple[str, int], ...]
    not_shown: tuple[tuple[str, int], ...]
    outside: int
    jumps: tuple[LogJumpView, ...]
    kinds: int
    around: LogAroundView | None = None
    notes: tuple[str, ...] = ()
    complete: bool = True
