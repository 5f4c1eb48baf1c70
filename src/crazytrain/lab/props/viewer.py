"""Somebody who watches a guest's screen over VNC, without rest."""

import sys

from crazytrain.lab.props.prop import Prop
from crazytrain.lab.props.stage import Stage

SOCKET = "vnc.sock"


class Viewer(Prop, frozen=True, kw_only=True):
    """A process that watches the screen at ``vnc.sock`` in the guest's folder (see ``watching``)."""

    def once_ready(self, stage: Stage) -> None:
        """Begin to watch, and wait until a few whole screens have come."""
        argv = (sys.executable, "-m", "crazytrain.lab.props.watching", str(stage.folder / SOCKET))
        with stage.doing("a VNC client that reads whole screens without rest"):
            stage.run("viewer", argv)
        log = stage.home.props_folder / "viewer" / "log"
        stage.wait(lambda: b" screens of " in log.read_bytes(), "screens that somebody saw", argv=argv, name="viewer")
