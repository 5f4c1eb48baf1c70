"""Which logs of a look are flooded, and by what."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

from crazytrain.derive.log_leases import renewals
from crazytrain.derive.log_times import LogTimes
from crazytrain.derive.log_view import Wish, log_view
from crazytrain.model.facts import Facts
from crazytrain.model.facts.log_floods import LogFlood, LogFloods
from crazytrain.model.facts.log_templates import LogTally
from crazytrain.model.facts.networks import GuestLease, GuestLeases

_LEAST_LINES = 50
_LEAST_SHARE = 0.3  # below that other lines are still found without help
_SHORT_LEASE_S = 1800
_NEAR = 0.1


def derive_log_floods(facts: Facts) -> LogFloods | None:
    """The floods in what the guest (or its host) logged; ``None`` where no log was read."""
    tallies = facts.all(LogTally)
    if not tallies:
        return None
    leases = facts.get(GuestLeases)
    return LogFloods(
        floods=tuple(flood for tally in tallies for flood in _floods(tally, leases.leases if leases else ())),
        read=sum(tally.lines for tally in tallies),
        refs=tuple(ref for tally in tallies for ref in tally.refs),
    )


def _floods(tally: LogTally, leases: Sequence[GuestLease]) -> Iterator[LogFlood]:
    times = LogTimes(boots=tally.span.boots, zone=dt.UTC)
    networks = {} if tally.pasted else _networks(tally, leases)
    for flood in log_view(tally, Wish(tool="", times=times, lines=1, networks=networks)).floods[:1]:
        renews = flood.dhcp is not None and flood.dhcp.lease_s is not None and flood.dhcp.lease_s <= _SHORT_LEASE_S
        if flood.lines >= _LEAST_LINES and (flood.share >= _LEAST_SHARE or renews):
            yield LogFlood(lines=tally.lines, flood=flood, pasted=tally.pasted, refs=tally.refs)


def _networks(tally: LogTally, leases: Sequence[GuestLease]) -> Mapping[str, str]:
    """The network of each interface that the guest names: known where it is on one of libvirt's, whose lease is as long as the log tells."""
    if len({one.network for one in leases}) != 1:
        return {}
    return {
        one.view.interface: leases[0].network
        for one in renewals(tally.dhcp, {})
        if one.view.lease_s and any(_alike(one.view.lease_s, lease.lease_s) for lease in leases)
    }


def _alike(one_s: int, other_s: int) -> bool:
    return abs(one_s - other_s) <= _NEAR * other_s
