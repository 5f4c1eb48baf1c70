"""Starting QEMU as a daemon that is on record before it exists."""

from collections.abc import Sequence

from crazytrain.lab.daemon import start_daemon
from crazytrain.lab.home import Home
from crazytrain.model.guest import ProcessId


def spawn(argv: Sequence[str], home: Home) -> ProcessId:
    """Start QEMU in a session of its own, its output in its log, and return it. It outlives us."""
    return start_daemon(argv, home.path, home.qemu_log)
