"""An empty disk for a Linux guest: NVMe, whose driver is part of Debian's cloud kernels."""

import os

from crazytrain.lab.files import BULK
from crazytrain.lab.props.prop import Prop
from crazytrain.lab.props.stage import Stage

NVME_DISK = (
    "-drive",
    f"if=none,id=bulk,format=raw,cache=none,file={{folder}}/{BULK}",
    "-device",
    "nvme,serial=lab,drive=bulk",
)
DEVICE = "/dev/nvme0n1"


class EmptyDisk(Prop, frozen=True, kw_only=True):
    """``bulk.img`` in the guest's folder, all of it a hole; the guest needs ``NVME_DISK`` among its arguments, too."""

    mib: int

    def before_image(self, stage: Stage) -> None:
        """Make it."""
        path = stage.folder / BULK
        path.touch()
        os.truncate(path, self.mib << 20)
