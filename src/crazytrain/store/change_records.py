"""Records of changes, beside the cases: each a JSON file, on the disk before the first step, so that a way back is always there."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from crazytrain.model.errors import CrazytrainError
from crazytrain.store.folders import make_file, open_root, read_file, write_at
from crazytrain.store.names import CASE_ID, UNFINISHED, plain

_LOCK = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_SUFFIX = ".json"
_LIMIT_BYTES = 16 << 20
_LOOKED_THROUGH = 1000


class Record(Protocol):
    """What every record has: a name for its file, and when it was begun."""

    @property
    def id(self) -> str: ...

    @property
    def wall_ns(self) -> int: ...


R = TypeVar("R", bound=Record)


@contextlib.contextmanager
def alone(root: Path, key: str, what: str) -> Iterator[None]:
    """Let nobody else who keeps records here change the same meanwhile; the kernel lets go of it when we die.

    ``key`` tells apart what is changed, ``what`` names it for people ("network").

    Raises:
        CrazytrainError: somebody does so now, or the disk says no.
    """
    with contextlib.ExitStack() as stack:
        try:
            folder = open_root(root)
            stack.callback(os.close, folder)
            lock = os.open(f".lock-{plain(key, what)}", _LOCK, 0o600, dir_fd=folder)
            stack.callback(os.close, lock)
        except OSError as error:
            raise _cannot_keep(root, error) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CrazytrainError(f"another crazytrain changes this {what} now", "Wait until it is done.") from None
        yield


def _cannot_keep(path: Path, error: OSError) -> CrazytrainError:
    return CrazytrainError(
        f"the old state cannot be kept at {path}: {error.strerror or error}",
        "Nothing is changed without a way back: free some space, or name another folder by CRAZYTRAIN_STATE.",
    )


def keep_record(root: Path, record: Record) -> Path:
    """Write a record, in the place of an older one of its id; it is on the disk when this returns.

    Raises:
        CrazytrainError: the disk says no. Then nothing must be changed, for there would be no way back.
    """
    path = root / f"{record.id}{_SUFFIX}"
    try:
        folder = open_root(root)
        try:
            _replace(folder, path.name, msgspec.json.format(msgspec.json.encode(record), indent=1))
        finally:
            os.close(folder)
    except OSError as error:
        raise _cannot_keep(path, error) from error
    return path


def _replace(folder: int, name: str, data: bytes) -> None:
    new = f"{UNFINISHED}{name}"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(new, dir_fd=folder)
    fd = make_file(folder, new)
    try:
        write_at(fd, data, 0)
        os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(new, name, src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)


def records(root: Path, kind: type[R]) -> Iterator[R]:
    """The records of a kind in a folder, the newest first; what cannot be read is passed over."""
    try:
        names = [e.name for e in os.scandir(root) if CASE_ID.fullmatch(e.name) and e.name.endswith(_SUFFIX)]
    except OSError:
        return
    names.sort(key=lambda name: name.rsplit("-", 2)[1:])  # NAME-TIME-RANDOM
    found = (_record(root, name, kind) for name in names[-_LOOKED_THROUGH:])
    yield from sorted((one for one in found if one is not None), key=lambda one: -one.wall_ns)


def _record(root: Path, name: str, kind: type[R]) -> R | None:
    try:
        return msgspec.json.decode(read_file(root, name, _LIMIT_BYTES), type=kind)
    except (OSError, ValueError, msgspec.MsgspecError, RecursionError):
        return None
