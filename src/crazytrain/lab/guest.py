"""What a lab guest is: what it boots, how one sees that it misbehaves, and how its speed is counted."""

from collections.abc import Callable

import msgspec

from crazytrain.lab.files import CONSOLE, DEBUGCON
from crazytrain.lab.props.prop import Prop

Tell = Callable[[str], None]
"""Where progress goes: one short line at a time, for a person."""

__all__ = [
    "CONSOLE",
    "DEBUGCON",
    "BootSector",
    "Counted",
    "CountedInRam",
    "LabGuest",
    "Linux",
    "NoDisk",
    "Sign",
    "Tell",
]


class Linux(msgspec.Struct, frozen=True, kw_only=True):
    """A Debian kernel with busybox, run by TCG: the one accelerator that every host has.

    ``script`` is what /init goes on to do, in busybox sh; ``programs`` are names of asm/*.asm, found in its PATH.
    ``answers``: whether the guest answers the lab on its second serial port (see ``shell.Shell``). ``modules`` are loaded
    before the script, in that order.
    """

    script: str
    programs: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ("panic=-1",)
    hpet: bool = True
    answers: bool = False
    modules: tuple[str, ...] = ()


class BootSector(msgspec.Struct, frozen=True, kw_only=True):
    """512 bytes of asm/``source``.asm on a disk, run by KVM where it opens, else by TCG.

    ``disk_mib``: the disk's size, the rest of it holes (0: as big as the sector). ``place``: its image's path in the
    guest's folder. ``options``: more of QEMU's words about the drive (``,cache=none``).
    """

    source: str
    defines: tuple[tuple[str, int], ...] = ()
    disk_mib: int = 0
    place: str = "boot.img"
    options: str = ""


class NoDisk(msgspec.Struct, frozen=True):
    """Nothing to boot from: what runs is the firmware alone (and what ``LabGuest.arguments`` give it)."""


class Sign(msgspec.Struct, frozen=True, kw_only=True):
    """How one sees that the guest does what it is for: ``pattern`` is in ``file`` at least ``times``."""

    file: str
    pattern: str
    times: int = 1


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """The guest's own count of its progress, in ``file`` of its folder.

    With a group in ``pattern`` the number in the last match is the count, without one the count of matches is.
    ``unit`` says what is counted.
    """

    file: str
    pattern: str
    unit: str


class CountedInRam(msgspec.Struct, frozen=True, kw_only=True):
    """The guest's own count of its progress: a 64-bit counter in its memory, at a physical address."""

    address: int
    unit: str


class LabGuest(msgspec.Struct, frozen=True, kw_only=True):
    """One guest that misbehaves on purpose, or a healthy one to compare with.

    ``family`` and ``cause`` are what the diagnosis should answer. ``does`` says how it is done.
    ``progress`` is ``None`` where the guest cannot count (a panicked kernel says nothing more).
    ``clock_step_ns``: what the lab adds to the guest's KVM clock once it runs, 0 for all but one.
    ``props``: what the lab does or runs beside QEMU.
    ``arguments``: more words for QEMU's command line; ``{folder}`` in them is the guest's folder.
    ``reboots``: whether a reset of the guest is one; else QEMU ends then.
    """

    name: str
    summary: str
    does: str
    family: str
    cause: str
    image: Linux | BootSector | NoDisk
    ready: Sign
    progress: Counted | CountedInRam | None
    needs_kvm: bool = False
    memory_mib: int = 128
    cpus: int = 1
    clock_step_ns: int = 0
    props: tuple[Prop, ...] = ()
    arguments: tuple[str, ...] = ()
    reboots: bool = False

    @property
    def memory_bytes(self) -> int:
        """Size of the guest's memory."""
        return self.memory_mib << 20

    @property
    def needs(self) -> tuple[str, ...]:
        """What it takes that not every host has, in words."""
        own = ("KVM",) if self.needs_kvm else ()
        return tuple(dict.fromkeys((*own, *(need for prop in self.props for need in prop.needs))))

    @property
    def is_healthy(self) -> bool:
        """Whether it is one to compare with: who is paused is well, and does nothing."""
        return self.family == "healthy" and self.cause != "paused"
