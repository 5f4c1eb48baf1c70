"""DHCP in a log: how often clients renew, what lease time that means, and what a longer one would make of it.

A client renews when half of its lease is over (RFC 2131, 4.4.5).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

import msgspec

from crazytrain.model.facts.log_templates import DhcpParty
from crazytrain.model.log_view import DhcpView

LONGER = "24h"
_LONGER_S = 86_400
_DAY_S = 86_400
_LONG_ENOUGH_S = 6 * 3600
_USUAL_S = (120, 180, 240, 300, 600, 900, 1200, 1800, 3600, 7200, 10_800, 14_400, 21_600, 43_200, 86_400, 604_800)
_SEEKS = frozenset(
    {"DHCPDISCOVER", "DHCPOFFER", "DHCPSOLICIT", "DHCPADVERTISE"}
)  # who has no lease: the lease time changes nothing
_NEAR = 0.08  # clients do not renew at exactly half: they choose a moment around it


class Renewals(msgspec.Struct, frozen=True, kw_only=True):
    """All that concerns one interface in one program's lines: the view, how many lines of which templates, first and last second.

    ``at_once``: how many clients there were from the beginning; later ones came in the meantime.
    """

    program: str
    view: DhcpView
    templates: Mapping[int, int]
    first_s: int | None
    last_s: int | None
    at_once: int


def renewals(parties: Iterable[DhcpParty], networks: Mapping[str, str]) -> tuple[Renewals, ...]:
    """One entry for each program and interface; ``networks`` gives libvirt's network of an interface, where it is known."""
    seen = tuple(parties)
    only = {
        program: names for program in {one.program for one in seen} if len(names := _interfaces(seen, program)) == 1
    }
    groups: dict[tuple[str, str], list[DhcpParty]] = {}
    for party in seen:
        interface = party.interface or next(iter(only.get(party.program, ())), "")
        groups.setdefault((party.program, interface), []).append(party)
    return tuple(_of(group, interface, networks.get(interface, "")) for (_, interface), group in groups.items())


def _interfaces(parties: Iterable[DhcpParty], program: str) -> set[str]:
    return {one.interface for one in parties if one.program == program and one.interface}


def _of(group: Sequence[DhcpParty], interface: str, network: str) -> Renewals:
    kinds: Counter[str] = Counter()
    for party in group:
        kinds.update(dict(party.kinds))
    templates: Counter[int] = Counter()
    for party in group:
        templates.update(dict(party.templates))
    lines = sum(number for kind, number in kinds.items() if kind not in _SEEKS)
    firsts = sorted(party.first_s for party in group if party.first_s is not None)
    lasts = [party.last_s for party in group if party.last_s is not None]
    first_s, last_s = min(firsts, default=None), max(lasts, default=None)
    view = _view(group, kinds, lines, (interface, network))
    return Renewals(
        program=group[0].program,
        view=view,
        templates=templates,
        first_s=first_s,
        last_s=last_s,
        at_once=sum(one < firsts[0] + (view.every_s or 0) / 2 for one in firsts) if firsts else 0,
    )


def _view(group: Sequence[DhcpParty], kinds: Counter[str], lines: int, where: tuple[str, str]) -> DhcpView:
    interface, network = where
    clients = sum(party.renewals > 1 for party in group if party.server)
    clients += _at_once([party for party in group if not party.server and party.interface == interface])
    gaps = [party.gap_s for party in group if party.gap_s]
    every_s = round(median(gaps)) if gaps else None
    said = [(party.last_s or 0, party.lease_s) for party in group if party.lease_s]
    lease_s = max(said)[1] if said else lease_of(every_s) if every_s else None  # what was said last
    asked = sum(party.renewals for party in group)
    short = lease_s is not None and lease_s < _LONG_ENOUGH_S
    then = _DAY_S / (_LONGER_S / 2)
    return DhcpView(
        interface=interface,
        messages=_order(kinds),
        clients=max(1, clients),
        renewals=asked,
        every_s=every_s,
        lease_s=lease_s,
        lease_said=bool(said),
        network=network,
        command=f"crazytrain lease {network or 'NETWORK'} --set {LONGER}" if short else "",
        then_renewals_per_day=then if short else None,
        then_lines_per_day=then * max(1, clients) * max(1.0, lines / asked) if short and asked else None,
    )


def _at_once(parties: Sequence[DhcpParty]) -> int:
    """How many clients there were at a time, at most: one that is started anew is another process."""
    ends = [(at, step) for one in parties for at, step in ((one.first_s or 0, 1), ((one.last_s or 0) + 1, -1))]
    here, most = 0, 0
    for _, step in sorted(ends):
        here += step
        most = max(most, here)
    return most


_FIRST = (
    "DHCPDISCOVER",
    "DHCPOFFER",
    "DHCPREQUEST",
    "DHCPACK",
    "DHCPSOLICIT",
    "DHCPADVERTISE",
    "DHCPRENEW",
    "DHCPREPLY",
)


def _order(kinds: Counter[str]) -> tuple[str, ...]:
    """The messages that make most of it, in the order of the protocol."""
    many = [kind for kind, number in kinds.items() if number * 20 >= max(kinds.values())]
    return tuple(sorted(many, key=lambda kind: (_FIRST.index(kind) if kind in _FIRST else len(_FIRST), kind)))


def lease_of(every_s: int) -> int:
    """The lease time that renewals in such steps stand for: twice that, or the usual lease time that is near.

    >>> lease_of(57)
    120
    >>> lease_of(101)
    202
    """
    near = min(_USUAL_S, key=lambda usual: abs(usual - 2 * every_s))
    return near if abs(near - 2 * every_s) <= _NEAR * near else 2 * every_s
