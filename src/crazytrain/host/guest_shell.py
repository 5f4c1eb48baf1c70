"""A prompt on a guest's memory in a process of its own, which gives up its privileges and keeps the terminal."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from crazytrain.host.guest_child import memory_of
from crazytrain.model.guest import ProcessId

PROGRAM = ("-m", "crazytrain.confined.deep_shell")
_KEPT = ("TERM", "LANG", "LC_ALL", "LC_CTYPE", "COLUMNS", "LINES", "NO_COLOR", "LD_LIBRARY_PATH", "PAGER")


def run_shell(process: ProcessId, about: bytes, program: Sequence[str] = PROGRAM) -> int:
    """Run it until it is left; its exit status. ``about`` is what it is told of the guest. Dies with us; Ctrl-C is its own.

    Raises ``OSError``: we may not read that memory, or the guest has gone.
    """
    with contextlib.ExitStack() as handed:
        mem, pagemap = [handed.enter_context(opened) for opened in memory_of(process)]
        told = os.memfd_create("crazytrain-guest")
        handed.callback(os.close, told)
        _fill(told, about)
        shell = subprocess.Popen(
            (sys.executable, "-I", *program, *map(str, (os.getpid(), mem, pagemap, told))),
            pass_fds=(mem, pagemap, told),
            env={name: os.environ[name] for name in _KEPT if name in os.environ} | {"HOME": "/nonexistent"},
            cwd="/",
        )
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return shell.wait()
        finally:
            signal.signal(signal.SIGINT, before)


def _fill(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
