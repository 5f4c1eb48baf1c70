"""What a prop is: a thing that the lab does or runs beside QEMU, in up to three moments of a guest's start."""

from typing import ClassVar

import msgspec

from crazytrain.lab.props.stage import Stage


class Prop(msgspec.Struct, frozen=True, kw_only=True):
    """One thing beside QEMU. Each step is done or raises ``LabError`` (``MissingTool``); what was made is then undone.

    ``needs`` are words for people (``root``). What a step runs or mounts goes through the ``Stage``, so that it is found
    and ended whatever becomes of the lab.
    """

    needs: ClassVar[tuple[str, ...]] = ()

    def check(self) -> None:
        """Raise where this host cannot have it, before anything is made."""

    def before_image(self, stage: Stage) -> None:
        """Make the place where the guest's disk image will be."""

    def before_qemu(self, stage: Stage) -> None:
        """Start what QEMU needs to find."""

    def once_ready(self, stage: Stage) -> None:
        """Make the trouble: the guest runs. Returns when it is seen to be there."""
