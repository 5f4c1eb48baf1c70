"""A CPU quota that is too small for the guest."""

from typing import ClassVar

from crazytrain.lab.props.groups import find_cpu_root, limit_cpu, throttled_times
from crazytrain.lab.props.prop import Prop
from crazytrain.lab.props.rights import check_root
from crazytrain.lab.props.stage import Stage

_OFTEN = 5


class CpuQuota(Prop, frozen=True, kw_only=True):
    """Once the guest runs, QEMU is put into a control group that may use ``percent`` of one CPU."""

    percent: int
    needs: ClassVar[tuple[str, ...]] = ("root", "CPU control groups")

    def check(self) -> None:
        """Raise where no group can be had."""
        check_root("a control group can be made by root only")
        find_cpu_root()

    def once_ready(self, stage: Stage) -> None:
        """Make the group, move QEMU there, and wait until the kernel has held it back a few times."""
        with stage.doing(f"QEMU moved to a control group that may use {self.percent} % of one CPU"):
            group = limit_cpu(stage.qemu, stage.folder, self.percent)
        stage.wait(lambda: throttled_times(group) >= _OFTEN, "the quota holds the guest back")
