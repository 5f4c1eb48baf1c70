"""A postcopy migration whose source has gone silent."""

import signal
from collections.abc import Callable
from pathlib import Path

import msgspec

from crazytrain.lab.errors import NotReady
from crazytrain.lab.monitor import Monitor
from crazytrain.lab.props.prop import Prop
from crazytrain.lab.props.stage import Stage

_SOCKET, _SOURCE, _WAITS = "postcopy.sock", "source", "-incoming"
_CAPABILITIES = {"capabilities": [{"capability": "postcopy-ram", "state": True}]}
# So slow that the memory is not there for minutes, unless the guest asks for it.
_BYTES_PER_S = 65_536
_DOTS = 5


class _Migration(msgspec.Struct):
    status: str = ""
    error: str = msgspec.field(name="error-desc", default="")


class SilentSource(Prop, frozen=True, kw_only=True):
    """The guest waits to be migrated to it (``-incoming defer``). A second QEMU of the same kind runs the guest, sends it over by
    postcopy, and is stopped by a signal as soon as the guest runs on here.
    """

    def once_ready(self, stage: Stage) -> None:
        """Start the source, migrate, and stop it: the next page that the guest touches never comes."""
        folder = stage.home.props_folder / _SOURCE
        # Nothing of the guest tells that its QEMU is there yet: the guest itself does not run.
        stage.wait(
            lambda: _WAITS in _words(stage.qemu.pid) and stage.home.qmp_socket.exists(), "QEMU waits for a migration"
        )
        source = stage.run(_SOURCE, _argv_of_source(stage.qemu.pid, stage.folder, folder))
        stage.wait(lambda: _dots(folder) >= _DOTS, "the guest runs at the source", name=_SOURCE)
        uri = {"uri": f"unix:{stage.folder / _SOCKET}"}
        with stage.monitor() as here, Monitor(folder / "qmp.sock") as there:
            for end in (here, there):
                end.ask("migrate-set-capabilities", _CAPABILITIES)
            slow = {"max-bandwidth": _BYTES_PER_S, "max-postcopy-bandwidth": _BYTES_PER_S}
            there.ask("migrate-set-parameters", slow)
            here.ask("migrate-incoming", uri)
            with stage.doing("QMP migrate by postcopy from a second QEMU of the lab's own"):
                there.ask("migrate", uri)
                stage.wait(_is(there, "active"), "the migration is under way")
                there.ask("migrate-start-postcopy")
                stage.wait(
                    lambda: here.status() == "running", "the guest runs on here, and most of its memory is there"
                )
                stage.wait(lambda: _dots(stage.folder) > 0, "it makes its first steps here")
            with stage.doing("SIGSTOP to the source of the migration"):
                stage.signal(source, signal.SIGSTOP)


def _argv_of_source(pid: int, folder: Path, own: Path) -> tuple[str, ...]:
    """The guest's own command line, with other files for what each QEMU needs for itself, and without waiting for a migration."""
    words = _words(pid)
    at = words.index(_WAITS)
    del words[at : at + 2]
    ours = (f"{folder}/{name}" for name in ("qmp.sock", "console.log", "debugcon.log"))
    for path in ours:
        words = [word.replace(path, f"{own}/{Path(path).name}") for word in words]
    return tuple(word.replace("guest=lab-", "guest=lab-source-of-") for word in words)


def _words(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").rstrip("\0").split("\0")


def _dots(folder: Path) -> int:
    path = folder / "debugcon.log"
    return path.read_bytes().count(b".") if path.exists() else 0


def _is(monitor: Monitor, status: str) -> Callable[[], bool]:
    def reached() -> bool:
        now = msgspec.json.decode(monitor.ask("query-migrate"), type=_Migration)
        if now.status in ("completed", "failed"):
            raise NotReady(f"the migration has {now.status} {now.error}".strip())
        return now.status == status

    return reached
