"""Which logs of a look are flooded, and by what."""

import datetime as dt
from collections.abc import Iterator

from crazytrain.derive.log_times import LogTimes
from crazytrain.derive.log_view import Wish, log_view
from crazytrain.model.facts import Facts
from crazytrain.model.facts.log_floods import LogFlood, LogFloods
from crazytrain.model.facts.log_templates import LogTally

_LEAST_LINES = 50
_LEAST_SHARE = 0.3  # below that other lines are still found without help
_SHORT_LEASE_S = 1800


def derive_log_floods(facts: Facts) -> LogFloods | None:
    """The floods in what the guest (or its host) logged; ``None`` where no log was read."""
    tallies = facts.all(LogTally)
    if not tallies:
        return None
    return LogFloods(
        floods=tuple(flood for tally in tallies for flood in _floods(tally)),
        read=sum(tally.lines for tally in tallies),
        refs=tuple(ref for tally in tallies for ref in tally.refs),
    )


def _floods(tally: LogTally) -> Iterator[LogFlood]:
    wish = Wish(tool="", times=LogTimes(boots=tally.span.boots, zone=dt.UTC), lines=1)
    for flood in log_view(tally, wish).floods[:1]:
        renews = flood.dhcp is not None and flood.dhcp.lease_s is not None and flood.dhcp.lease_s <= _SHORT_LEASE_S
        if flood.lines >= _LEAST_LINES and (flood.share >= _LEAST_SHARE or renews):
            yield LogFlood(lines=tally.lines, flood=flood, pasted=tally.pasted, refs=tally.refs)
