"""What a lab guest is: what it boots, how one sees that it misbehaves, and how its speed is counted."""

from collections.abc import Callable

import msgspec

Tell = Callable[[str], None]
"""Where progress goes: one short line at a time, for a person."""

CONSOLE = "console.log"
DEBUGCON = "debugcon.log"


class Linux(msgspec.Struct, frozen=True, kw_only=True):
    """A Debian kernel with busybox, run by TCG: the one accelerator that every host has.

    ``script`` is what /init goes on to do, in busybox sh; ``programs`` are names of asm/*.asm, found in its PATH.
    """

    script: str
    programs: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ("panic=-1",)
    hpet: bool = True


class BootSector(msgspec.Struct, frozen=True, kw_only=True):
    """512 bytes of asm/``source``.asm on a disk, run by KVM where it opens, else by TCG."""

    source: str
    defines: tuple[tuple[str, int], ...] = ()


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
    """

    name: str
    summary: str
    does: str
    family: str
    cause: str
    image: Linux | BootSector
    ready: Sign
    progress: Counted | CountedInRam | None
    needs_kvm: bool = False
    memory_mib: int = 128
    clock_step_ns: int = 0

    @property
    def memory_bytes(self) -> int:
        """Size of the guest's memory."""
        return self.memory_mib << 20

    @property
    def is_healthy(self) -> bool:
        """Whether it is one to compare with."""
        return self.family == "healthy"
