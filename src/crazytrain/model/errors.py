"""The user's trouble: one small tree of errors, each with an exit code and the next step.

    CrazytrainError (1)
     ├── BadInput (65)        what was given cannot be read: names file and line
     ├── NoSuchGuest (66)     no running guest fits the name, uuid or pid
     ├── NoSuchNetwork (66)   libvirt has no network of this name
     ├── NoSuchCase (66)      no saved case fits the name or path
     ├── BrokenCase (65)      a case does not fit its checksums
     ├── MissingTool (69)     a program that is needed is not installed
     ├── NotAllowed (77)      the kernel or a file's owner said no
     └── LabError (70)        a lab guest did not start, or not misbehave

Trouble that is expected while looking (a denied file, a monitor that never answers) is no error: it is
evidence with an outcome.
"""


class CrazytrainError(Exception):
    """Something that the user can act on.

    Args:
        message: what went wrong, in one sentence that names the thing (file, line, guest, tool).
        hint: the next step, as a sentence or a command; empty where there is none.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class BadInput(CrazytrainError):
    """Text, a file or an argument that cannot be read."""

    exit_code = 65


class NoSuchGuest(CrazytrainError):
    """No running guest fits."""

    exit_code = 66


class NoSuchNetwork(CrazytrainError):
    """libvirt has no network of this name."""

    exit_code = 66


class NoSuchCase(CrazytrainError):
    """No saved case fits."""

    exit_code = 66


class BrokenCase(CrazytrainError):
    """A case whose content does not fit its checksums."""

    exit_code = 65


class MissingTool(CrazytrainError):
    """A program that is needed for what was asked is not installed."""

    exit_code = 69


class LabError(CrazytrainError):
    """A lab guest could not be made, started or brought to misbehave."""

    exit_code = 70


class NotAllowed(CrazytrainError):
    """The kernel or a file's owner said no."""

    exit_code = 77
