"""Processes of the lab's own: known by pid and start time, so that a reused pid is never touched."""

import contextlib
import os
import select
import signal
from pathlib import Path

from crazytrain.lab.errors import LabError
from crazytrain.model.guest import ProcessId

GRACE_S = 5.0
_GONE_STATES = frozenset("ZXx")


def boot_id() -> str:
    """What tells this boot of the host from others."""
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()


def parse_stat(line: str) -> tuple[ProcessId, str] | None:
    """Read a line of ``/proc/PID/stat``: which process, and its state letter. ``None`` when it is no whole line."""
    pid, _, rest = line.partition(" (")
    fields = rest.rpartition(")")[2].split()
    if not pid.isdecimal() or len(fields) < 20 or not fields[19].isdecimal():
        return None
    return ProcessId(pid=int(pid), start_ticks=int(fields[19]), boot_id=boot_id()), fields[0]


def own_child(pid: int) -> ProcessId:
    """Return a child of ours that we did not take leave of yet, even if it is dead already."""
    found = _look(pid)
    if found is None:
        raise LabError(f"process {pid} is gone before we could see how it ended", "is SIGCHLD ignored here?")
    return found[0]


def find_process(pid: int) -> ProcessId | None:
    """Return who has this pid now; a zombie counts as nobody."""
    found = _look(pid)
    return found[0] if found and found[1] not in _GONE_STATES else None


def _look(pid: int) -> tuple[ProcessId, str] | None:
    try:
        return parse_stat(Path(f"/proc/{pid}/stat").read_text("ascii", "replace"))
    except (FileNotFoundError, ProcessLookupError):
        return None


def myself() -> ProcessId:
    """Return this very process."""
    me = find_process(os.getpid())
    if me is None:
        raise LabError("/proc does not show this process", "mount /proc")
    return me


def is_alive(process: ProcessId) -> bool:
    """Whether this very process still runs, not another one with its pid."""
    return find_process(process.pid) == process


def end(process: ProcessId) -> None:
    """End this very process: SIGTERM, after 5 s SIGKILL. Returns when it is gone; nothing happens if it was.

    ``LabError`` when it belongs to another user, or does not even die of SIGKILL.
    """
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        found = _look(process.pid)
        if found is None or found[0] != process:
            return
        if found[1] not in _GONE_STATES and not _ended(handle, process.pid):
            raise LabError(f"process {process.pid} does not die of SIGKILL", "see /proc/PID/stack for where it hangs")
        _reap(process.pid)
    finally:
        os.close(handle)


def _ended(handle: int, pid: int) -> bool:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            signal.pidfd_send_signal(handle, number)
            signal.pidfd_send_signal(handle, signal.SIGCONT)  # one that is stopped does not hear the other
        except ProcessLookupError:
            return True
        except PermissionError as error:
            hint = "ask its owner, or use sudo"
            raise LabError(f"process {pid} belongs to another user", hint) from error
        if _gone_within(handle, GRACE_S):
            return True
    return False


def _gone_within(handle: int, limit_s: float) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(limit_s * 1000))


def _reap(pid: int) -> None:
    """Take leave of it if it was our own child."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
