"""Facts from a log of any size: its kinds of lines (templates), how often each came and when, and the lines that matter.

All texts are the guest's or some program's: hostile until they are escaped. Times are seconds of the log's own clock: since 1970, or
since the first boot in it (``LogSpan.boots``).
"""

import msgspec

from crazytrain.model.evidence import Ref


class LogLineKept(msgspec.Struct, frozen=True, kw_only=True):
    """A line that was kept. ``number`` counts from 1; ``text`` is cut where it is long; ``template`` is its kind's number.

    ``meaning`` says why it matters; empty: it does not, but it is rare.
    """

    number: int
    template: int
    at_s: int | None
    text: str
    meaning: str = ""


class LogTemplate(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of line. ``words`` are its words, with ``<n>``, ``<ip>``, ... for what varies and ``<*>`` for words that vary.

    ``spent_s`` is the time that passed while they came, clocks that fell back left out.
    ``gap_s`` is the usual time from one line to the next (median), ``burst`` the most lines within a minute of the clock. ``inside`` counts
    the lines within the time that was asked for; ``kept`` holds all lines of a rare one, else the first.
    """

    number: int
    program: str
    words: tuple[str, ...]
    meaning: str
    count: int
    first_s: int | None
    last_s: int | None
    first_line: int
    last_line: int
    gap_s: int | None
    spent_s: int
    burst: int
    burst_at_s: int | None
    kept: tuple[LogLineKept, ...]
    inside: int = 0
    kept_inside: tuple[LogLineKept, ...] = ()
    dhcp: bool = False


class DhcpParty(msgspec.Struct, frozen=True, kw_only=True):
    """What a log says of one DHCP client on one interface. ``server``: a server's log says it, else the client's own.

    ``client`` is its address in a server's log; in its own the number of its process, where its lines name no interface.
    ``kinds`` are the messages and how often each came, ``templates`` the lines' templates and how many of their lines these are;
    ``renewals`` is how often the client asked, ``gap_s`` the usual time between (median).
    ``lease_s`` is the lease time that the log itself names; ``None``: it names none.
    """

    program: str
    server: bool
    interface: str
    client: str
    kinds: tuple[tuple[str, int], ...]
    templates: tuple[tuple[int, int], ...]
    renewals: int
    gap_s: int | None
    first_s: int | None
    last_s: int | None
    lease_s: int | None = None


class ClockJump(msgspec.Struct, frozen=True, kw_only=True):
    """The log's clock fell back: from when to when, and the line that says so."""

    line: int
    from_s: int
    to_s: int


class LogSpan(msgspec.Struct, frozen=True, kw_only=True):
    """What time a log covers. ``boots``: its clock counts from the boot, and at these seconds of the sum another boot began; ``None``:
    wall-clock time. ``untimed`` lines have no stamp of their own. ``back_s``: by how much the clock fell back in all.
    """

    first_s: int | None
    last_s: int | None
    boots: tuple[int, ...] | None
    untimed: int
    jumps: tuple[ClockJump, ...]
    more_jumps: int = 0
    back_s: int = 0
    year_guessed: bool = False


class LogTally(msgspec.Struct, frozen=True, kw_only=True):
    """A whole log. The counts of ``templates`` sum up to ``lines`` less ``outside``, the lines out of the time that was asked for.

    ``matter`` are lines that matter, in their order; ``matter_counts`` all of them by meaning, of which only so many are kept. ``full``:
    there were more kinds of lines than are told apart. ``dhcp_left``: lines of clients beyond those that are told apart. ``pasted``: it is
    a file that somebody gave, no evidence of a look.
    """

    lines: int
    bytes: int
    outside: int
    span: LogSpan
    templates: tuple[LogTemplate, ...]
    matter: tuple[LogLineKept, ...]
    matter_counts: tuple[tuple[str, int], ...]
    dhcp: tuple[DhcpParty, ...]
    full: bool = False
    dhcp_left: int = 0
    binary_lines: int = 0
    long_lines: int = 0
    notes: tuple[str, ...] = ()
    pasted: bool = False
    refs: tuple[Ref, ...] = ()
