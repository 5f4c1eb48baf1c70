"""QEMU in a control group that is frozen, as by `docker pause`, `systemctl freeze` or a container's manager."""

from pathlib import Path
from typing import ClassVar

from crazytrain.lab.props.groups import find_unified_root, freeze
from crazytrain.lab.props.prop import Prop
from crazytrain.lab.props.rights import check_root
from crazytrain.lab.props.stage import Stage


class Frozen(Prop, frozen=True, kw_only=True):
    """Once the guest runs, QEMU is put into a control group (version 2, which a kill still reaches) that is frozen."""

    needs: ClassVar[tuple[str, ...]] = ("root", "control groups version 2")

    def check(self) -> None:
        """Raise where no group can be had."""
        check_root("a control group can be made by root only")
        find_unified_root()

    def once_ready(self, stage: Stage) -> None:
        """Make the group, move QEMU there, freeze it, and wait until the kernel says that it is."""
        with stage.doing("QEMU moved to a control group that is frozen"):
            group = freeze(stage.qemu, stage.folder)
        stage.wait(lambda: _is_frozen(group), "the group is frozen")


def _is_frozen(group: Path) -> bool:
    return "frozen 1" in (group / "cgroup.events").read_text("ascii").splitlines()
