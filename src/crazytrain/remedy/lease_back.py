"""Records of changes and what there is now: whether a change was cut off, and whether others were there since."""

from collections.abc import Mapping

import msgspec

from crazytrain.model.errors import CrazytrainError
from crazytrain.model.lease_change import LeaseRecord, Place
from crazytrain.model.xml_element import XmlElement, differences
from crazytrain.remedy.lease import Seen
from crazytrain.remedy.lease_plan import helpers
from crazytrain.remedy.lease_wanted import entries

# What libvirt counts up and down by itself while guests come and go.
NOT_SETTINGS = frozenset({"connections"})


def is_between(record: LeaseRecord, seen: Seen) -> bool:
    """Whether a range is there that only stands in for a while, or one that was there is missing."""
    for place, network in seen.items():
        before = before_of(record, place)
        for position in range(len(before.named("ip")) if before else 0):
            old = entries(before, position, "range") if before else ()
            ours = {half.key for pair in helpers(old).values() for half in pair}
            now = {entry.key for entry in entries(network, position, "range")}
            if now != {entry.key for entry in old} and now <= ours | {entry.key for entry in old}:
                return True
    return False


def check_same(planned: Seen, now: Seen) -> None:
    """Refuse to go on with a plan that was made for another state: whoever was asked may have taken his time.

    Raises:
        CrazytrainError: the first difference.
    """
    for place, before in planned.items():
        found = list(differences(before, now[place], NOT_SETTINGS)) if place in now else ["it is gone"]
        if found:
            raise CrazytrainError(
                f"the network ({place.value}) was changed by others while this was asked: {found[0]}",
                "Nothing was changed. Ask again, for what it is now.",
            )


def before_of(record: LeaseRecord, place: Place) -> XmlElement | None:
    """How it was; a network that was started since began with what was kept."""
    return (record.before_live or record.before_kept) if place is Place.LIVE else record.before_kept


def refuse_changed(record: LeaseRecord, seen: Seen, before: Mapping[Place, XmlElement]) -> None:
    """Refuse to undo what is not as the change left it, or, where that was cut off, what it cannot have touched.

    Raises:
        CrazytrainError: the first difference.
    """
    after = {Place.LIVE: record.after_live or record.after_kept, Place.CONFIG: record.after_kept}
    for place, now in seen.items():
        mine, theirs = (
            (after[place], now) if record.finished else (without_times(before.get(place)), without_times(now))
        )
        found = list(differences(mine, theirs, NOT_SETTINGS)) if mine and theirs else []
        if found:
            raise CrazytrainError(
                f"network {record.network} was changed by others since ({place.value}): {found[0]}",
                "Nothing was undone. Set the lease time that you want: crazytrain lease NETWORK --set TIME",
            )


def without_times(network: XmlElement | None) -> XmlElement | None:
    """A network without its ranges and its hosts' lease times: what a change that was cut off cannot have touched."""
    if network is None:
        return None

    def bare(one: XmlElement) -> XmlElement:
        inside = tuple(bare(each) for each in one.inside if each.name not in ("range", "lease"))
        return msgspec.structs.replace(one, inside=inside)

    return bare(network)
