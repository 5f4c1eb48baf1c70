"""Somebody who takes most of a guest's memory by its balloon, gives it back, and so on."""

import sys

from crazytrain.lab.props.prop import Prop
from crazytrain.lab.props.stage import Stage

SOCKET = "balloon.sock"
MONITOR = ("-qmp", f"unix:{{folder}}/{SOCKET},server=on,wait=off")
"""The monitor by which it does so, beside the one that everybody asks."""


class MovesBalloon(Prop, frozen=True, kw_only=True):
    """A process that moves the balloon between two sizes of the guest (see ``ballooning``); the guest needs ``MONITOR``."""

    low_mib: int
    high_mib: int

    def once_ready(self, stage: Stage) -> None:
        """Begin, and wait until the guest has less than before."""
        sizes = (str(mib << 20) for mib in (self.low_mib, self.high_mib))
        argv = (sys.executable, "-m", "crazytrain.lab.props.ballooning", str(stage.folder / SOCKET), *sizes)
        with stage.doing(f"the guest's balloon is moved between {self.low_mib} and {self.high_mib} MiB, without rest"):
            stage.run("balloon", argv)
        log = stage.home.props_folder / "balloon" / "log"
        stage.wait(lambda: b"the guest has " in log.read_bytes(), "the balloon moves", argv=argv, name="balloon")
