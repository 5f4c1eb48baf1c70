"""The guest paused by a command at QEMU's monitor, as by `virsh suspend`."""

from crazytrain.lab.props.prop import Prop
from crazytrain.lab.props.stage import Stage


class Paused(Prop, frozen=True, kw_only=True):
    """Once the guest runs it is paused."""

    def once_ready(self, stage: Stage) -> None:
        """Say so to QEMU, which answers when it is done."""
        with stage.monitor() as monitor, stage.doing("QMP stop"):
            monitor.ask("stop")
