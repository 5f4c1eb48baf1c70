"""A file system that is too small for the guest's disk: QEMU pauses the guest when there is no space left."""

from typing import ClassVar

from crazytrain.lab.props.mounts import mount_tmpfs
from crazytrain.lab.props.prop import Prop
from crazytrain.lab.props.rights import check_root
from crazytrain.lab.props.stage import Stage

FOLDER = "small"


class SmallFileSystem(Prop, frozen=True, kw_only=True):
    """The guest's image lies in ``small/``, a file system in memory of ``limit_mib``; the guest writes until it is full."""

    limit_mib: int
    needs: ClassVar[tuple[str, ...]] = ("root",)

    def check(self) -> None:
        """Raise where we may not mount."""
        check_root("a file system can be mounted by root only")

    def before_image(self, stage: Stage) -> None:
        """Mount it."""
        folder = stage.folder / FOLDER
        folder.mkdir(exist_ok=True)
        with stage.doing(f"a file system of {self.limit_mib} MiB for the guest's disk (tmpfs at {FOLDER}/)"):
            mount_tmpfs(folder, self.limit_mib << 20)

    def once_ready(self, stage: Stage) -> None:
        """Wait until it is full and QEMU has paused the guest."""
        with stage.monitor() as monitor:
            stage.wait(lambda: monitor.status() == "io-error", "QEMU pauses the guest for its full disk")
