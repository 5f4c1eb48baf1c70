"""What pasted snapshots of one kind tell together, and whether they give rates."""

from collections.abc import Iterator

from crazytrain.model.facts import Facts
from crazytrain.model.facts.moments import LinuxInterrupts, Snapshots
from crazytrain.model.figures import count, rate, span
from crazytrain.model.report import StoryLine
from crazytrain.report.sentence import line

_SHOWN = 3


def snapshots_story(facts: Facts) -> tuple[StoryLine, ...]:
    """Sentences about several snapshots of one kind; nothing for a live guest."""
    return (*_pairs(facts), *_interrupts(facts))


def _pairs(facts: Facts) -> Iterator[StoryLine]:
    snapshots = facts.get(Snapshots)
    for pair in snapshots.pairs if snapshots else ():
        begin = f"{count(pair.number, 'snapshot')} of {pair.what}"
        if pair.window_ns:
            yield line(f"{begin}, the last one {span(pair.window_ns)} behind the first one ({pair.how})", pair.refs)
            continue
        grew = ", ".join(f"{name} by {more:,}" for name, more in pair.grew)
        between = f"; between them grew {grew}" if grew else "; nothing grew between them"
        says = f"{begin}{between}; how far apart they are is not told, so this gives no rate (print `date` before each)"
        yield line(says, pair.refs)


def _interrupts(facts: Facts) -> Iterator[StoryLine]:
    found = facts.get(LinuxInterrupts)
    shown = found.rates[:_SHOWN] if found else ()
    if found and shown:
        whose = "the guest's" if found.guest else "a Linux's (host or guest: that is not told)"
        said = ", ".join(f"{one.name} ({one.what}) {rate(one.per_s)}" for one in shown)
        yield line(f"{whose} interrupts: {said}", found.refs)
