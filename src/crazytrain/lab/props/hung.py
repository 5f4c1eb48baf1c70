"""A Linux guest that is told to use its disk once the disk's storage does not answer any more."""

from crazytrain.lab.files import CONSOLE
from crazytrain.lab.logs import shows
from crazytrain.lab.props.prop import Prop
from crazytrain.lab.props.stage import Stage
from crazytrain.lab.shell import Shell

SEEN = r"INFO: task dd:\d+ blocked (?:in I/O wait )?for more than \d+ seconds"


class TellsOfHungTask(Prop, frozen=True, kw_only=True):
    """The guest, which waits for /go, begins; wait until its kernel tells of the task that hangs."""

    def once_ready(self, stage: Stage) -> None:
        """Let it begin, and wait."""
        with (
            stage.doing("the guest's process dd is told to write to its disk"),
            Shell(stage.home.shell_socket) as shell,
        ):
            shell.run(": >/go")
        stage.wait(lambda: shows(stage.folder / CONSOLE, SEEN, 1), "the guest's kernel tells of a hung task")
