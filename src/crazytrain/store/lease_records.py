"""Records of changed lease times: whose, where they are kept, which of them still stands."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from crazytrain.model.lease_change import LeaseRecord
from crazytrain.store import change_records
from crazytrain.store.names import case_id
from crazytrain.store.roots import cases_root


def leases_root(environ: Mapping[str, str], uid: int) -> Path:
    """The folder of all records of a user."""
    return cases_root(environ, uid).parent / "leases"


def new_id(network: str, wall_ns: int) -> str:
    """The name of a new record: network, time in UTC, six random hexadecimal digits."""
    return case_id(network, wall_ns)


def alone(root: Path, uuid: str) -> AbstractContextManager[None]:
    """Let nobody else change this network meanwhile; see ``change_records.alone``."""
    return change_records.alone(root, uuid, "network")


def keep_record(root: Path, record: LeaseRecord) -> Path:
    """Write a record; see ``change_records.keep_record``."""
    return change_records.keep_record(root, record)


def records(root: Path, uuid: str) -> Iterator[LeaseRecord]:
    """The records of one network, the newest first; what cannot be read is passed over."""
    return (one for one in change_records.records(root, LeaseRecord) if one.uuid == uuid)


def last_standing(root: Path, uuid: str) -> LeaseRecord | None:
    """The newest change of a network that has not been undone."""
    return next((one for one in records(root, uuid) if not one.undone), None)
