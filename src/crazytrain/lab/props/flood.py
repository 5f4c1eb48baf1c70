"""Somebody who floods a guest's network card with packets; no network of the host is touched."""

import sys

from crazytrain.lab.props.prop import Prop
from crazytrain.lab.props.stage import Stage

SOCKET = "net.sock"
PEER = "nobody.sock"  # where the guest's own packets would go


class Flood(Prop, frozen=True, kw_only=True):
    """A process that sends frames to ``net.sock`` in the guest's folder without end (see ``flooding``)."""

    def before_qemu(self, stage: Stage) -> None:
        """Begin; it waits until QEMU's socket is there."""
        argv = (sys.executable, "-m", "crazytrain.lab.props.flooding", str(stage.folder / SOCKET))
        with stage.doing("a flood of broadcast frames to the guest's network card"):
            stage.run("flood", argv)
