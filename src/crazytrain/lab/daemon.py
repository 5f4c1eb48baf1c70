"""Starting a program that outlives us and is on record before it exists."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path

from crazytrain.lab.process import own_child
from crazytrain.model.guest import ProcessId

# $0 is the folder that keeps its `pid`. The shell becomes the program by exec, so pid and start time stay what they
# were when it noted them; `read` and `printf` are its own, so /proc/self is the shell itself.
NOTE_THEN_EXEC = r'cd -- "$0" && read -r line </proc/self/stat && printf "%s\n" "$line" >pid && exec "$@"'
_SIGNALS_TO_RESTORE = {signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ}


def start_daemon(argv: Sequence[str], folder: Path, log: Path) -> ProcessId:
    """Start a program in a session of its own, its output in ``log``, its ``pid`` in ``folder``; it outlives us."""
    path = os.fspath(log)
    pid = os.posix_spawn(
        "/bin/sh",
        ["sh", "-c", NOTE_THEN_EXEC, os.fspath(folder), *argv],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
            *((os.POSIX_SPAWN_CLOSE, fd) for fd in _inherited()),
        ],
        setsid=True,
        setsigmask=[],
        setsigdef=_SIGNALS_TO_RESTORE,
    )
    return own_child(pid)


def _inherited() -> list[int]:
    """Return our descriptors that a child would get, beyond the standard three."""
    fds = (int(path.name) for path in Path("/proc/self/fd").iterdir())
    return [fd for fd in fds if fd > 2 and _is_inheritable(fd)]


def _is_inheritable(fd: int) -> bool:
    try:
        return os.get_inheritable(fd)
    except OSError:  # the one by which we listed them
        return False
