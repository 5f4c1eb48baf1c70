"""What can go wrong in the lab. All of it is a ``LabError`` with the next step, save a tool that is not installed.

LabError
 ├── NoSuchLabGuest     no guest of that kind, or none of that name runs
 ├── AlreadyThere       a lab guest of that name runs, or is being started
 ├── NeedsKvm           only real KVM can show this, and /dev/kvm does not open
 ├── FetchFailed        Debian's packages could not be had
 ├── ToolFailed         a program that the lab needs gave up: its command line and its output
 ├── LaunchFailed       QEMU ended by itself: its command line and its output
 └── NotReady           the guest runs, but did not come to misbehave in time
"""

import contextlib
import shlex
from collections.abc import Iterator, Sequence

from crazytrain.model.errors import LabError, MissingTool

__all__ = [
    "AlreadyThere",
    "FetchFailed",
    "LabError",
    "LaunchFailed",
    "MissingTool",
    "NeedsKvm",
    "NoSuchLabGuest",
    "NotReady",
    "ToolFailed",
    "os_trouble",
]


class NoSuchLabGuest(LabError):
    """No guest of that kind, or none of that name runs."""


class AlreadyThere(LabError):
    """A lab guest of that name runs, or is being started."""


class NeedsKvm(LabError):
    """Only real KVM can show this, and /dev/kvm does not open."""


class FetchFailed(LabError):
    """A package could not be had from Debian."""


class NotReady(LabError):
    """The guest runs, but did not come to misbehave in time."""


class ToolFailed(LabError):
    """A program that the lab needs gave up.

    Args:
        argv: its command line.
        output: what it printed; only the end is kept.
        how: "exit status 1", "did not end within 60 s".
    """

    def __init__(self, argv: Sequence[str], output: str, how: str, hint: str = "") -> None:
        super().__init__(f"{argv[0]} failed: {how}\n{_told(argv, output)}", hint)
        self.argv = tuple(argv)
        self.output = output


class LaunchFailed(LabError):
    """QEMU ended by itself before the guest was ready.

    Args:
        argv: its command line.
        output: what QEMU printed.
        console: what the guest printed.
    """

    def __init__(self, argv: Sequence[str], output: str, console: str = "") -> None:
        told = _told(argv, output) + (f"\n  guest's console:\n{_indent(console)}" if console else "")
        super().__init__(f"QEMU ended before the guest was ready\n{told}")
        self.argv = tuple(argv)
        self.output = output


@contextlib.contextmanager
def os_trouble() -> Iterator[None]:
    """Turn what the system refuses (a full disk, a folder of somebody else) into a ``LabError`` that names the file."""
    try:
        yield
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise LabError(f"{where}{error.strerror or error}") from error


def _told(argv: Sequence[str], output: str) -> str:
    return f"  command: {shlex.join(argv)}\n  output:\n{_indent(output or 'nothing')}"


def _indent(text: str, lines: int = 40) -> str:
    return "\n".join(f"    {line}" for line in text.strip().splitlines()[-lines:])
