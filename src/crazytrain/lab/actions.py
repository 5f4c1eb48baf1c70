"""What the lab did to a guest of its own: the proof that the trouble was made on purpose (``lab-actions.json``)."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the lab did to its guest, and when it began and ended."""

    what: str
    wall_ns: int
    mono_ns: int
    took_ns: int


class PropActions(msgspec.Struct, frozen=True, kw_only=True):
    """All that the lab did beside a guest of its own."""

    on_purpose: str
    actions: tuple[Action, ...]


@contextlib.contextmanager
def noted(actions: list[Action], what: str) -> Iterator[None]:
    """Do something and note it, with the time that it took; what fails is not noted."""
    wall_ns, mono_ns = time.time_ns(), time.monotonic_ns()
    yield
    actions.append(Action(what=what, wall_ns=wall_ns, mono_ns=mono_ns, took_ns=time.monotonic_ns() - mono_ns))


def write_actions(path: Path, guest: str, actions: list[Action]) -> None:
    """Keep what was done to a guest of this kind."""
    done = PropActions(on_purpose=f"the lab made {guest}'s trouble itself, to show it", actions=tuple(actions))
    path.write_bytes(msgspec.json.format(msgspec.json.encode(done)))
