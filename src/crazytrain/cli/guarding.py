"""What ``crazytrain guard`` does in the process that becomes the command: start the capture, wait with a bound, step aside.

It touches nothing that may hang (no guest, no case folder): all of that is done by the capture, a process of its own.
"""

import contextlib
import errno
import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from crazytrain.report.escape import plain

GRACE_S = 6.0  # beyond the look itself: start, finding the guests, reading the evidence
NOT_FOUND = 127
NOT_ALLOWED = 126
INTERRUPTED = 130
_AFTER_INTERRUPT_S = 2.0
_AFTER_KILL_S = 1.0
_WORDS_CHARACTERS = 300


def capture_of(command: Sequence[str], seconds: float, guests: Sequence[str]) -> tuple[str, ...]:
    """Give the command line of the capture; see ``guard_capture``. ``-P``: nothing is imported from the working directory."""
    asked = (str(os.getpid()), str(seconds), str(len(guests)), *guests, *command)
    return (sys.executable, "-P", "-m", "crazytrain.cli.guard_capture", *asked)


def run(command: Sequence[str], capture: Sequence[str], limit_s: float) -> NoReturn:
    """Run ``capture`` for ``limit_s`` at most, then become ``command``.

    Args:
        command: program and arguments, as for a shell.
        capture: program and arguments; it says on standard error what it does and where it keeps cases.
        limit_s: after that time the capture is killed.
    """
    try:
        program = _program(command[0])
        _keep_first(capture, limit_s)
        _become(program, command)
    except KeyboardInterrupt:
        _say(f"interrupted: {_shown(command)} was NOT run")
        sys.exit(INTERRUPTED)


def _program(name: str) -> str:
    """Where the program is; told before any look, as a shell would tell it."""
    found = shutil.which(name)
    if found is not None:
        return found
    there = name if "/" in name else shutil.which(name, mode=os.F_OK)
    if there and os.path.lexists(there):
        _say(f"{plain(there)} cannot be run: {'a folder' if Path(there).is_dir() else 'not executable'}")
        sys.exit(NOT_ALLOWED)
    _say(f"{plain(name)}: command not found")
    sys.exit(NOT_FOUND)


def _keep_first(argv: Sequence[str], limit_s: float) -> None:
    """Run the capture; returns in time whatever it does. ``KeyboardInterrupt`` passes, once the capture has ended."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # the capture unblocks it when it can end in order
    try:
        capture = _Capture(argv)
    except OSError as error:
        _say(f"the capture could not start: {error.strerror}")
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if not capture.ends_within(limit_s):
            _say(
                f"the capture did not end within {limit_s:g} s and is ended; a case that it began is incomplete, but kept"
            )
        elif capture.status:
            how = f"killed by signal {-capture.status}" if capture.status < 0 else f"exit status {capture.status}"
            _say(f"the capture failed ({how}); a case that it began is incomplete, but kept")
    except KeyboardInterrupt:
        capture.interrupt()
        raise
    finally:
        capture.end()


class _Capture:
    """The process that looks. It has its own session, so that Ctrl-C reaches it through us only."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
        )
        try:
            self._pidfd = os.pidfd_open(self._process.pid)
        except OSError:
            self._process.kill()
            raise
        self.status: int | None = None

    def ends_within(self, seconds: float) -> bool:
        """Wait for its end."""
        waiting = select.poll()
        waiting.register(self._pidfd, select.POLLIN)
        if waiting.poll(seconds * 1000):
            self.status = self._process.wait()
        return self.status is not None

    def interrupt(self) -> None:
        """Let it come to its own end, for a moment."""
        self._signal(signal.SIGINT)
        self.ends_within(_AFTER_INTERRUPT_S)

    def end(self) -> None:
        """Kill it if it still runs. One that hangs in the kernel cannot be waited for."""
        if self.status is None:
            self._signal(signal.SIGKILL)
            if not self.ends_within(_AFTER_KILL_S):
                _say(f"the capture (pid {self._process.pid}) hangs in the kernel and is left behind")

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, number)


def _become(program: str, command: Sequence[str]) -> NoReturn:
    """Replace this process by the command, with the signals and the environment that we were given."""
    environment = _environment()
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores these two, and that would be inherited
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execve(program, tuple(command), environment)  # noqa: S606 - no shell: the words are the user's own
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            _say(f"{plain(program)} cannot be run: {error.strerror}")
            sys.exit(NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_ALLOWED)
    os.execve("/bin/sh", ("sh", program, *command[1:]), environment)  # noqa: S606 - a script without #!, as shells do


def _environment() -> dict[bytes, bytes]:
    """The environment, without the LC_CTYPE that Python itself sets where the locale is C (PEP 538)."""
    environment = dict(os.environb)
    with contextlib.suppress(OSError):
        given = Path("/proc/self/environ").read_bytes().split(b"\0")
        if not any(entry.startswith(b"LC_CTYPE=") for entry in given):
            environment.pop(b"LC_CTYPE", None)
    return environment


def _shown(command: Sequence[str]) -> str:
    return plain(shlex.join(command), _WORDS_CHARACTERS)


def _say(text: str) -> None:
    """Tell on standard error; that nobody can be told is no reason not to run the command."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"crazytrain guard: {text}\n")
        sys.stderr.flush()
