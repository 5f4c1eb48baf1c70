"""Which lease time the networks of a libvirt guest have: what floods its log with DHCP. It only reads; the guest is not asked."""

from crazytrain.collect.look import Collector, Look
from crazytrain.collect.networks import Where, collect_networks
from crazytrain.collect.virsh import domain_of, tell_at, uri_of
from crazytrain.model.evidence import Cost, Outcome
from crazytrain.model.guest import Manager

_TIMEOUT_S = 3.0
_MOST_NETWORKS = 4


async def collect_lease(look: Look) -> None:
    """Keep ``lease``: the networks that libvirt serves and the guest is on; nothing where it is on none."""
    if look.guest.manager is not Manager.LIBVIRT or look.light:
        return
    where = Where(uri=uri_of(look.guest))
    told = await tell_at(look.host, where.options, [("domiflist", domain_of(look.guest))], _TIMEOUT_S)
    if told.outcome is not Outcome.OK or not told.said:
        return  # what libvirt does not tell is told by others: domstats says why
    names = _networks(told.said[0].text.decode("utf-8", "replace"))
    if names:
        look.keep(await collect_networks(look.host, where, names, "lease", (domain_of(look.guest),)))


def _networks(table: str) -> tuple[str, ...]:
    """The libvirt networks in what ``domiflist`` printed."""
    rows = (line.split() for line in table.splitlines())
    found = dict.fromkeys(" ".join(words[2:-2]) for words in rows if len(words) >= 5 and words[1] == "network")
    return tuple(found)[:_MOST_NETWORKS]


COLLECTOR = Collector(name="lease", cost=Cost.READS, timeout_s=20.0, limit_bytes=8 << 20, run=collect_lease)
