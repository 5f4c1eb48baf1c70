"""The guest's DHCP leases in sentences: how often it renews, and what makes that less."""

from collections.abc import Iterator

from crazytrain.model.facts import Facts
from crazytrain.model.facts.networks import GuestLease, GuestLeases
from crazytrain.model.report import StoryLine
from crazytrain.report.escape import plain
from crazytrain.report.lease_text import NOISY_LINES_PER_DAY, per_day, time_words
from crazytrain.report.sentence import line

_SHOWN = 4


def lease_story(facts: Facts) -> Iterator[StoryLine]:
    """One sentence for each lease."""
    found = facts.get(GuestLeases)
    for lease in found.leases[:_SHOWN] if found else ():
        yield line(_sentence(lease), lease.refs)


def _sentence(lease: GuestLease) -> str:
    has = (
        f"it has {lease.ip} by DHCP from network {plain(lease.network, 60)}, for {time_words(lease.lease_s)} at a time"
    )
    if not lease.renewals_per_day:
        return f"{has}: it never renews"
    makes = f"{has}: {per_day(lease.renewals_per_day)} renewals, {per_day(lease.lines_per_day)} lines in its log a day"
    if lease.lines_per_day < NOISY_LINES_PER_DAY:
        return makes
    which = f" --mac {lease.mac}" if lease.own_host else ""
    return f"{makes} (`crazytrain lease {plain(lease.network, 60)} --set 24h{which}` makes that 4)"
