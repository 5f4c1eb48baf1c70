"""The capture of ``crazytrain guard``, a process of its own: works out which guests a command names, and keeps a case of each.

Run as ``python -m crazytrain.cli.guard_capture PARENT SECONDS COUNT GUEST{COUNT} COMMAND...``. It says what it does, and where
the cases are, on standard error. Exit status 0: all was said. It dies with its parent.
"""

import asyncio
import ctypes
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from crazytrain.collect import discover
from crazytrain.collect.find import find
from crazytrain.collect.named import named
from crazytrain.decode.command_line import config_of
from crazytrain.host import Host, LiveHost
from crazytrain.model.errors import CrazytrainError
from crazytrain.model.figures import span
from crazytrain.model.guest import Guest
from crazytrain.report.escape import plain
from crazytrain.store import cases_root
from crazytrain.store.names import case_id

# Looks at guests for so many seconds, telling what goes on; gives case folder and verdict of each.
GuardLook = Callable[[Sequence[Guest], float, Callable[[str], None]], Sequence[tuple[str, str]]]

_PR_SET_PDEATHSIG = 1
_NAMED = re.compile(r"(?P<guest>.+)-(?P<when>\d{8}T\d{6}Z)-[0-9a-f]+")  # a case's folder, see store.names.case_id
_TOLD_CHARACTERS = 500
_FAILED = 1
_INTERRUPTED = 130


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What to do: for which process, for how long, which guests (none: those that the command names)."""

    parent: int
    seconds: float
    guests: tuple[str, ...]
    command: tuple[str, ...]


def asked_of(argv: Sequence[str]) -> Asked:
    """Read the arguments as ``guarding.capture_of`` writes them."""
    parent, seconds, count, *rest = argv
    guests, command = rest[: int(count)], rest[int(count) :]
    return Asked(parent=int(parent), seconds=float(seconds), guests=tuple(guests), command=tuple(command))


def main() -> int:
    """Capture; every trouble is told in a line, for the command is to be run anyway."""
    asked = asked_of(sys.argv[1:])
    _die_with(asked.parent)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # blocked by our parent until here
        capture(LiveHost(), asked, _look)
    except CrazytrainError as error:
        say(f"{error.message}{f' ({error.hint})' if error.hint else ''}")
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:  # noqa: BLE001 - a defect here must not look like one of the command
        say(f"the capture broke: {type(error).__name__}: {error}")
        return _FAILED
    return 0


def _look(guests: Sequence[Guest], seconds: float, progress: Callable[[str], None]) -> Sequence[tuple[str, str]]:
    from crazytrain.cli import looking  # where there is no guest to look at, nothing waits for this

    return looking.guard_look(guests, seconds, progress)


def _die_with(parent: int) -> None:
    """Ask the kernel to kill us when the parent dies; end now where it did before we could ask."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(_FAILED)


def capture(host: Host, asked: Asked, look: GuardLook) -> None:
    """Keep a case of each guest that is meant, all at once. ``KeyboardInterrupt`` passes; where cases are is said before."""
    guests = asyncio.run(_meant(host, asked))
    if not guests:
        return
    since_ns = host.wall_ns()
    names = ", ".join(f"{guest.name or 'unnamed'} (pid {guest.pid})" for guest in guests)
    say(f"first a case of {names}, {span(asked.seconds * 1e9)}; Ctrl-C: the command is not run")
    try:
        for path, verdict in look(guests, asked.seconds, say):
            say(f"kept {path}: {verdict}")
    except KeyboardInterrupt:
        _tell_begun(guests, since_ns)
        raise


async def _meant(host: Host, asked: Asked) -> tuple[Guest, ...]:
    running = await discover.guests(host, config_of)
    if asked.guests:
        return tuple(dict.fromkeys(_found(running, asked.guests)))
    guests = await named(host, running, asked.command, say)
    if not guests:
        say("the command names no guest that runs here: no case is kept")
    return guests


def _found(running: Sequence[Guest], wanted: Sequence[str]) -> Iterator[Guest]:
    for one in wanted:
        try:
            yield find(running, one)
        except CrazytrainError as error:
            say(f"{error.message}. {error.hint}")


def _tell_begun(guests: Sequence[Guest], since_ns: int) -> None:
    """Say where the cases are that were cut off: those of these guests whose names hold a later time."""
    root = cases_root(os.environ, os.geteuid())
    known = {_NAMED.fullmatch(case_id(guest.name, since_ns)) for guest in guests}
    starts = {(found["guest"], found["when"]) for found in known if found}
    for name in _names(root):
        case = _NAMED.fullmatch(name)
        if case and any(case["guest"] == guest and case["when"] >= when for guest, when in starts):
            say(f"what was seen until then is kept in {root / name} (incomplete, but it can be read)")


def _names(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in folder.iterdir())
    except OSError:
        return []


def say(text: str) -> None:
    """Tell a person; standard output is not ours."""
    sys.stderr.write(f"crazytrain guard: {plain(text, _TOLD_CHARACTERS)}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
