"""Starting QEMU as a daemon that is on record before it exists."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path

from crazytrain.lab.home import Home
from crazytrain.lab.process import own_child
from crazytrain.model.guest import ProcessId

# $0 is the guest's folder. The shell becomes QEMU by exec, so pid and start time stay what they were when it noted
# them; `read` and `printf` are its own, so /proc/self is the shell itself.
_NOTE_THEN_EXEC = r'cd -- "$0" && read -r line </proc/self/stat && printf "%s\n" "$line" >pid && exec "$@"'
_SIGNALS_TO_RESTORE = {signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ}


def spawn(argv: Sequence[str], home: Home) -> ProcessId:
    """Start QEMU in a session of its own, its output in its log, and return it. It outlives us."""
    log = os.fspath(home.qemu_log)
    pid = os.posix_spawn(
        "/bin/sh",
        ["sh", "-c", _NOTE_THEN_EXEC, os.fspath(home.path), *argv],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
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
