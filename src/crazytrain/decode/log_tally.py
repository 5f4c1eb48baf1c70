"""What a miner knows of a log, as a fact; and the logs of a look as such facts."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from msgspec.structs import replace

from crazytrain.decode.inside_log_text import log_text
from crazytrain.decode.log_dhcp import median
from crazytrain.decode.log_mining import Miner
from crazytrain.decode.log_reading import BINARY
from crazytrain.decode.log_tree import Kept, Template
from crazytrain.model.evidence import Evidence, Ref
from crazytrain.model.facts.log_templates import LogLineKept, LogTally, LogTemplate

_LEAST_LINES = 20


def tally(miner: Miner, notes: tuple[str, ...] = (), refs: tuple[Ref, ...] = ()) -> LogTally:
    """All that was counted until now. More may be fed afterwards."""
    templates = [one for one in miner.tree.templates() if one.count]
    part_of = miner.tree.part_of
    parties = miner.dhcp.parties()
    return LogTally(
        lines=miner.lines,
        bytes=miner.bytes,
        outside=miner.outside,
        span=miner.span(),
        templates=tuple(_template(one) for one in templates),
        matter=tuple(_matter(miner)),
        matter_counts=tuple(miner.matter.counts.most_common()),
        dhcp=tuple(replace(one, templates=_joined(one.templates, part_of)) for one in parties),
        full=miner.tree.full,
        dhcp_left=miner.dhcp.left,
        binary_lines=sum(one.count for one in templates if one.words == (BINARY,)),
        long_lines=miner.long_lines,
        notes=notes,
        refs=refs,
    )


def _joined(counts: Iterable[tuple[int, int]], part_of: Callable[[int], int]) -> tuple[tuple[int, int], ...]:
    joined: Counter[int] = Counter()
    for number, count in counts:
        joined[part_of(number)] += count
    return tuple(joined.items())


def _template(one: Template) -> LogTemplate:
    best, best_at = max((one.best, one.best_at), (one.in_minute, one.minute), key=lambda pair: pair[0])
    return LogTemplate(
        number=one.number,
        program=one.program,
        words=one.words,
        meaning=one.meaning,
        count=one.count,
        first_s=one.first_at,
        last_s=one.last_at,
        first_line=one.first_number,
        last_line=one.last_number,
        gap_s=median(one.gaps),
        spent_s=max(one.spent, (one.last_at or 0) - (one.first_at or 0)),
        burst=best,
        burst_at_s=best_at if best else None,
        kept=tuple(_kept(line, one.number, one.meaning) for line in one.kept),
        inside=one.inside,
        kept_inside=tuple(_kept(line, one.number, one.meaning) for line in one.seen_inside),
        dhcp=one.dhcp,
    )


def _matter(miner: Miner) -> Iterator[LogLineKept]:
    for template, line in (*miner.matter.first, *miner.matter.last):
        yield _kept(line, miner.tree.part_of(template.number), template.meaning)


def _kept(line: Kept, template: int, meaning: str) -> LogLineKept:
    text = line.data.decode("utf-8", "backslashreplace")
    return LogLineKept(number=line.number, template=template, at_s=line.at_s, text=text, meaning=meaning)


def decode_log_templates(evidence: Evidence) -> Iterable[object]:
    """Yield one ``LogTally`` of a log that a look or a paste holds: the guest's console, a piece of syslog; nothing of a few lines.

    Stamps without a zone are read as UTC: only differences count here.
    """
    miner = Miner(zone=dt.UTC)
    miner.begin(evidence.wall_ns / 1e9 if evidence.wall_ns else _FAR_S)
    miner.feed(evidence.data)
    if miner.lines >= _LEAST_LINES:
        yield replace(tally(miner, refs=(evidence.ref(),)), pasted=not evidence.wall_ns)


def decode_inside_log_templates(evidence: Evidence) -> Iterable[object]:
    """The same of the kernel log that was read in the guest's RAM; each record is a line."""
    yield from decode_log_templates(replace(evidence, data=log_text(evidence.data)))


_FAR_S = 4_000_000_000.0  # pasted: nobody knows when; a year that is too late is as good as any
