"""Which guest a person means by a name, a uuid, a pid, or the beginning of one."""

import difflib
from collections.abc import Iterator, Sequence

from crazytrain.collect.discover import proxmox_id
from crazytrain.model.errors import BadInput, NoSuchGuest
from crazytrain.model.guest import Guest

_LISTED = 20


def find(guests: Sequence[Guest], wanted: str) -> Guest:
    """Pick the guest that is meant: by name, Proxmox number, uuid, pid, then by the beginning of a name or uuid.

    Raises:
        NoSuchGuest: nothing fits; the hint names what is near, or what runs.
        BadInput: several fit; the hint lists them.
    """
    for fitting in _readings(guests, wanted):
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            raise BadInput(f"{len(fitting)} guests fit {shown(wanted)!r}", f"Say which by pid: {_listing(fitting)}")
    raise NoSuchGuest(f"no running guest is called {shown(wanted)!r}", _hint(guests, wanted))


def _readings(guests: Sequence[Guest], wanted: str) -> Iterator[list[Guest]]:
    """What the word may mean, the surest reading first; names are exact, uuids are not case-sensitive."""
    if not wanted:
        return
    low = wanted.lower()
    yield [g for g in guests if g.name == wanted]
    yield [g for g in guests if proxmox_id(g) == wanted]
    yield [g for g in guests if g.uuid.lower() == low]
    yield [g for g in guests if str(g.pid) == wanted]
    yield [g for g in guests if g.name.startswith(wanted) or g.uuid.lower().startswith(low)]


def _hint(guests: Sequence[Guest], wanted: str) -> str:
    if not guests:
        return "No QEMU guest runs on this host, or none that this user may see."
    near = difflib.get_close_matches(wanted, [g.name for g in guests if g.name], n=3)
    if near:
        return f"Did you mean {' or '.join(shown(name) for name in near)}?"
    return f"Running: {_listing(guests)}"


def _listing(guests: Sequence[Guest]) -> str:
    more = f" and {len(guests) - _LISTED} more" if len(guests) > _LISTED else ""
    return ", ".join(f"{shown(g.name) or 'unnamed'} (pid {g.pid})" for g in guests[:_LISTED]) + more


def shown(name: str) -> str:
    """A guest's name for a terminal: it is the guest owner's text, so control characters are written as escapes."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in name[:200]
    )
