"""Facts about which versions these are: QEMU, libvirt, and the kernels of host and guest."""

from enum import StrEnum

import msgspec

from crazytrain.model.evidence import Ref

Number = tuple[int, int]


class Component(StrEnum):
    """What has a version."""

    QEMU = "QEMU"
    LIBVIRT = "libvirt"
    HOST_KERNEL = "the host's kernel"
    GUEST_KERNEL = "the guest's kernel"
    KERNEL = "a kernel, of host or guest"


class VersionTold(msgspec.Struct, frozen=True, kw_only=True):
    """One version as it was read: ``number`` are its first two parts, ``text`` is what stood there (not to be trusted)."""

    component: Component
    number: Number
    text: str
    ref: Ref


class Versions(msgspec.Struct, frozen=True, kw_only=True):
    """All versions that are known, each once."""

    known: tuple[VersionTold, ...]

    def of(self, component: Component) -> tuple[VersionTold, ...]:
        """The versions of one component; people compare several."""
        return tuple(one for one in self.known if one.component is component)
