"""The next step from the ranges that there are to those that are wanted, such that no address is ever without a range.

libvirt cannot modify a range, only delete and add it, and each of that restarts dnsmasq. While a range is missing, dnsmasq, which is
authoritative, refuses a client that renews. So a range that has to change is first covered by its two halves, then deleted, then added
anew behind them, then the halves go: six steps, and after each of them every address lies in a range. The rule only looks at what there is
now, so that whoever comes next can go on from anywhere: we ourselves after an error, a second run after the first was killed, an undo.
"""

import ipaddress
from collections.abc import Collection, Iterable, Sequence

import msgspec

from crazytrain.model.errors import CrazytrainError
from crazytrain.model.lease_change import Entry

_SPLITS = 64  # places tried to cut a range in two: only where others have the very same halves more than one is needed


class Move(msgspec.Struct, frozen=True):
    """Add a range behind the others, or delete one."""

    add: bool
    entry: Entry


class ChangedByOthers(CrazytrainError):
    """The network holds what neither was there before nor is a step of ours."""


def next_move(now: Sequence[Entry], wanted: Sequence[Entry]) -> Move | None:
    """The next step from the ranges ``now`` to ``wanted`` (in order), or ``None`` where they are the same.

    Raises:
        ChangedByOthers: there is a range that is none of those wanted and none that we put there for a while.
    """
    halves = helpers(wanted)
    ours = {half.key for pair in halves.values() for half in pair}
    keys = {entry.key for entry in wanted}
    _refuse_strangers(now, keys | ours)
    here = [entry for entry in now if entry.key in keys]
    right = _right(here, wanted)
    wrong = [entry for entry in here if entry.key not in right]
    missing = [entry for entry in wanted if entry.key not in right and entry.key not in {w.key for w in wrong}]
    there = {entry.key for entry in now}
    if wrong:
        uncovered = (half for entry in wrong for half in halves[entry.key] if half.key not in there)
        return next((Move(add=True, entry=half) for half in uncovered), Move(add=False, entry=wrong[0]))
    if missing:
        return Move(add=True, entry=missing[0])
    return next((Move(add=False, entry=entry) for entry in now if entry.key in ours - keys), None)


def _right(here: Sequence[Entry], wanted: Sequence[Entry]) -> set[tuple[str, ...]]:
    """The keys of those that can stay: the same as wanted, from the first on without a gap; what follows is added behind."""
    right: set[tuple[str, ...]] = set()
    for one, other in zip(here, wanted, strict=False):
        if one != other:
            break
        right.add(one.key)
    return right


def _refuse_strangers(now: Iterable[Entry], known: Collection[tuple[str, ...]]) -> None:
    strangers = [entry.element.written() for entry in now if entry.key not in known]
    if strangers:
        raise ChangedByOthers(
            f"somebody else has added {strangers[0]} to this network meanwhile",
            "Nothing more was changed. Look at it with crazytrain lease NETWORK, then set the lease time again.",
        )


def helpers(wanted: Sequence[Entry]) -> dict[tuple[str, ...], tuple[Entry, ...]]:
    """The two halves of each range, with its lease time; none for a single address, which cannot be halved."""
    taken = {entry.key for entry in wanted}
    found: dict[tuple[str, ...], tuple[Entry, ...]] = {}
    for entry in wanted:
        found[entry.key] = pair = _halves(entry, taken)
        taken |= {half.key for half in pair}
    return found


def _halves(entry: Entry, taken: Collection[tuple[str, ...]]) -> tuple[Entry, ...]:
    first, last = entry.span
    middle = (first + last) // 2
    near = sorted(range(max(first, middle - _SPLITS), min(last, middle + _SPLITS)), key=lambda at: abs(at - middle))
    pairs = ((_part(entry, first, at), _part(entry, at + 1, last)) for at in near)
    return next((pair for pair in pairs if not {half.key for half in pair} & set(taken)), ())


def _part(entry: Entry, first: int, last: int) -> Entry:
    kind = type(ipaddress.ip_address(entry.element.get("start")))
    element = entry.element.with_attribute("start", str(kind(first)))
    return Entry(element.with_attribute("end", str(kind(last))))
