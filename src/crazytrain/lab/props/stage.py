"""Where props act: a guest's folder, its QEMU, and what is kept of what was done."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from crazytrain.lab.actions import Action, noted
from crazytrain.lab.daemon import start_daemon
from crazytrain.lab.errors import NotReady, ToolFailed
from crazytrain.lab.home import Home
from crazytrain.lab.logs import shown
from crazytrain.lab.monitor import Monitor
from crazytrain.lab.process import is_alive
from crazytrain.lab.wait import wait_until
from crazytrain.model.guest import ProcessId

_LIMIT_S = 60.0


class Stage:
    """One guest while it is being started."""

    def __init__(self, home: Home, tell: Callable[[str], None]) -> None:
        self.home = home
        self.tell = tell
        self.actions: list[Action] = []
        self.process: ProcessId | None = None
        self.ran: dict[str, ProcessId] = {}

    @property
    def folder(self) -> Path:
        """The guest's folder."""
        return self.home.path

    @property
    def qemu(self) -> ProcessId:
        """The guest's QEMU; ``NotReady`` before there is one."""
        if self.process is None:
            raise NotReady(f"{self.home.name} has no QEMU yet")
        return self.process

    @contextlib.contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Do something to the guest and keep that and when it was done."""
        self.tell(what)
        with noted(self.actions, what):
            yield

    def run(self, name: str, argv: Sequence[str]) -> ProcessId:
        """Start a process of the guest's own; it outlives us and ends with the guest. ``props/NAME`` keeps its log."""
        folder = self.home.props_folder / name
        folder.mkdir(parents=True)
        process = self.ran[name] = start_daemon(argv, folder, folder / "log")
        return process

    def wait(self, is_so: Callable[[], bool], what: str, *, argv: Sequence[str] = (), name: str = "") -> None:
        """Wait for a condition; ``NotReady`` when it does not come, ``ToolFailed`` when process ``name`` (``argv``) ends."""
        process = self.ran.get(name)
        wait_until(lambda: is_so() or bool(process and not is_alive(process)), _LIMIT_S)
        if is_so():
            return
        said = shown(self.home.props_folder / name / "log") if name else ""
        if process and not is_alive(process):
            raise ToolFailed(argv, said, "it ended before the guest was ready")
        raise NotReady(f"{self.home.name}: not within {_LIMIT_S:g} s: {what}", said)

    def signal(self, process: ProcessId, number: int) -> None:
        """Send a signal to a process of this guest's own, known by pid and start time."""
        handle = os.pidfd_open(process.pid)
        try:
            if not is_alive(process):
                raise NotReady(f"{self.home.name}: process {process.pid} has ended")
            signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)

    def monitor(self) -> Monitor:
        """A connection to QEMU's monitor; close it soon, for it serves one client at a time."""
        return Monitor(self.home.qmp_socket)
