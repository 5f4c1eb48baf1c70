"""Records of changed clocks: whose, where they are kept, which of them still stand."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from crazytrain.model.clock_change import ClockRecord
from crazytrain.store import change_records
from crazytrain.store.names import case_id
from crazytrain.store.roots import cases_root


def clocks_root(environ: Mapping[str, str], uid: int) -> Path:
    """The folder of all records of a user."""
    return cases_root(environ, uid).parent / "clocks"


def new_id(guest: str, wall_ns: int) -> str:
    """The name of a new record: guest, time in UTC, six random hexadecimal digits."""
    return case_id(guest, wall_ns)


def standing(root: Path, key: str) -> Iterator[ClockRecord]:
    """The changes of a guest that have not been undone, the newest first."""
    found = change_records.records(root, ClockRecord)
    return (one for one in found if one.key == key and not one.undone)
