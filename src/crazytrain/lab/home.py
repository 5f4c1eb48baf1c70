"""A lab guest's folder: its state, logs and sockets, made in one step and removed with the guest.

``state.json`` is written by the one who starts the guest, before there is a QEMU. ``pid`` is QEMU's own line of
/proc/self/stat, written by QEMU's process before it becomes QEMU: so there is no moment at which a QEMU runs that a
later command could not find and end, whatever happens to its starter.
"""

import errno
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from crazytrain.lab.errors import AlreadyThere, LabError
from crazytrain.lab.files import CONSOLE, DEBUGCON, SHELL
from crazytrain.lab.process import boot_id, end, is_alive, myself, parse_stat
from crazytrain.lab.props.groups import remove_group
from crazytrain.lab.props.mounts import unmount_below
from crazytrain.lab.scratch import scratch
from crazytrain.model.guest import ProcessId

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_SOCKET_PATH_BYTES = 107  # sun_path, less its final zero
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST)


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a guest: its kind, who starts it, since when, and whether it came to be ready."""

    guest: str
    starter: ProcessId
    since_wall_ns: int
    ready: bool = False


class Home(msgspec.Struct, frozen=True):
    """The folder of one lab guest, by the guest's name."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def qmp_socket(self) -> Path:
        return self.path / "qmp.sock"

    @property
    def shell_socket(self) -> Path:
        return self.path / SHELL

    @property
    def console(self) -> Path:
        return self.path / CONSOLE

    @property
    def debugcon(self) -> Path:
        return self.path / DEBUGCON

    @property
    def qemu_log(self) -> Path:
        return self.path / "qemu.log"

    @property
    def actions(self) -> Path:
        return self.path / "lab-actions.json"

    @property
    def props_folder(self) -> Path:
        """Where each prop's process has a folder, with its ``pid`` and ``log``."""
        return self.path / "props"

    def state(self) -> State | None:
        """Return its state; ``None`` when the folder is gone or is none of ours."""
        try:
            return msgspec.json.decode((self.path / "state.json").read_bytes(), type=State)
        except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
            return None

    def write_state(self, state: State) -> None:
        """Write the state, whole or not at all."""
        draft = self.path / "state.json.new"
        draft.write_bytes(msgspec.json.encode(state))
        draft.replace(self.path / "state.json")

    def qemu(self) -> ProcessId | None:
        """Return who runs or ran this guest; ``None`` before there was one. It may be dead, see ``is_alive``."""
        return self._noted(self.path)

    def props(self) -> tuple[ProcessId, ...]:
        """Return the processes that run or ran beside QEMU."""
        noted = (self._noted(folder) for folder in sorted(self.props_folder.glob("*")))
        return tuple(process for process in noted if process)

    def _noted(self, folder: Path) -> ProcessId | None:
        """Return the process whose ``pid`` is in the folder, if it is of this boot of the host."""
        state = self.state()
        if state is None or state.starter.boot_id != boot_id():
            return None
        try:
            found = parse_stat((folder / "pid").read_text("ascii", "replace"))
        except FileNotFoundError:
            return None
        return found[0] if found else None

    def forget_boot(self) -> None:
        """End QEMU and its props and remove the logs, for another try."""
        self.end_all()
        shutil.rmtree(self.props_folder, ignore_errors=True)
        for path in (self.path / "pid", self.qmp_socket, self.console, self.debugcon, self.qemu_log):
            path.unlink(missing_ok=True)

    def end_all(self) -> None:
        """End this guest's QEMU and props, and take away its mounts and its control group.

        Props end first: a QEMU that waits for one of them for ever does not end by a signal before.
        """
        for process in (*self.props(), self.qemu()):
            if process is not None:
                end(process)
        unmount_below(self.path)
        remove_group(self.path)

    def remove(self) -> None:
        """End QEMU and its props and remove the folder: out of sight first, so that half of one is never seen.

        A process that was about to become QEMU finds nowhere to note itself or to log, and gives up.
        """
        self.end_all()
        with scratch(self.path.parent) as bin_:
            moved = Home(bin_ / self.name)
            try:
                self.path.rename(moved.path)
            except FileNotFoundError:
                return
            moved.end_all()


def claim(state_dir: Path, name: str, guest: str) -> Home:
    """Make the folder of a new guest, or raise ``AlreadyThere``; of two that try at once, one gets it."""
    home = Home(_checked(state_dir, name))
    state = State(guest=guest, starter=myself(), since_wall_ns=time.time_ns())
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    _check_owner(state_dir)
    with scratch(state_dir) as draft:
        Home(draft).write_state(state)
        try:
            draft.rename(home.path)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise LabError(f"{home.path}: {error.strerror}", "give another state directory") from error
            hint = f"crazytrain lab stop {name}, or give another name"
            raise AlreadyThere(f"a lab guest named {name} is there already", hint) from error
    return home


def homes(state_dir: Path) -> Iterator[tuple[Home, State]]:
    """Yield every guest's folder with its state, by name; ``LabError`` when others may write there."""
    _check_owner(state_dir)
    names = sorted(path.name for path in state_dir.glob("*") if _NAME.fullmatch(path.name))
    for home in (Home(state_dir / name) for name in names):
        if state := home.state():
            yield home, state


def is_running(home: Home, state: State) -> bool:
    """Whether its QEMU runs and it is of use: ready, or somebody is at work to make it so."""
    if state.ready:
        qemu = home.qemu()
        return qemu is not None and is_alive(qemu)
    return is_alive(state.starter)


def _check_owner(state_dir: Path) -> None:
    """Refuse a folder that another user may write to: what is in it says which processes we end."""
    try:
        found = state_dir.stat()
    except FileNotFoundError:
        return
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        hint = f"chmod go-w {state_dir}, or give a state directory of your own"
        raise LabError(f"{state_dir} belongs to another user, or others may write to it", hint)


def _checked(state_dir: Path, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise LabError(f"{name!r} cannot name a lab guest", "use up to 40 of a-z, 0-9 and -, for instance idle-2")
    path = state_dir.absolute() / name
    if len(os.fsencode(Home(path).qmp_socket)) > _SOCKET_PATH_BYTES:
        raise LabError(f"{path} is too long for a socket in it", "give a state directory with a shorter path")
    if "," in str(path) or not str(path).isprintable():
        raise LabError(f"{path} has a comma or an unprintable character", "give another state directory")
    return path
