"""Guest RAM as it lies in the QEMU process: what both sides of the way inside must agree on."""

import msgspec

PAGE_BYTES = 4096


class Unreadable(Exception):
    """Something in the guest could not be read, or is not believed. The text says what in plain words, without guest strings."""


class Segment(msgspec.Struct, frozen=True):
    """A stretch of guest RAM: its guest-physical ``address``, its size, and the virtual address in QEMU where it lies."""

    address: int
    size_bytes: int
    place: int


class RamMap(msgspec.Struct, frozen=True, kw_only=True):
    """All of a guest's RAM, by guest-physical address. ``how`` it is known (from the monitor, or from the mappings)."""

    segments: tuple[Segment, ...]
    how: str

    @property
    def size_bytes(self) -> int:
        """How much RAM it is."""
        return sum(segment.size_bytes for segment in self.segments)
