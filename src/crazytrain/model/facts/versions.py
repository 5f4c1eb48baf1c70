"""Facts about which versions these are: QEMU, libvirt, the kernels of host and guest, firmware, Windows and its drivers."""

import re
from enum import StrEnum

import msgspec

from crazytrain.model.evidence import Ref

Number = tuple[int, int]

# What distributions put behind the number of a version that they mend themselves.
_PACKAGED = re.compile(r"dfsg|ubuntu|Debian|\.el\d|\.fc\d|\.module\+|pve|-\d", re.IGNORECASE)
_ENTERPRISE = re.compile(r"\.el\d|\.module\+el|\.el\duek|\.oe\d|-15\d{4}\.")


class Component(StrEnum):
    """What has a version."""

    QEMU = "QEMU"
    LIBVIRT = "libvirt"
    HOST_KERNEL = "the host's kernel"
    GUEST_KERNEL = "the guest's kernel"
    KERNEL = "a kernel, of host or guest"
    PROXMOX = "Proxmox VE"
    SEABIOS = "SeaBIOS"
    OVMF = "OVMF"
    GUEST_WINDOWS = "the guest's Windows"
    VIRTIO_WIN = "the guest's virtio-win drivers"


KERNELS = frozenset({Component.HOST_KERNEL, Component.GUEST_KERNEL, Component.KERNEL})


class VersionTold(msgspec.Struct, frozen=True, kw_only=True):
    """One version as it was read: ``number`` are its first two parts, ``text`` is what stood there (not to be trusted).

    ``micro`` is the third part, ``None`` where it was not told, or where it says nothing: distributions name their kernels
    ``5.15.0-91`` whatever they have put into them. Of Windows the second part is the build (10, 17763), 0 where none was told; of
    OVMF it is year and month. ``least``: it is that version or a newer one (a machine type tells no more).
    """

    component: Component
    number: Number
    micro: int | None = None
    text: str
    least: bool = False
    ref: Ref

    @property
    def packaged(self) -> bool:
        """Whether a distribution built it, which may have carried fixes back."""
        return bool(_PACKAGED.search(self.text))

    @property
    def enterprise(self) -> bool:
        """Whether it is one of those that keep their number for ten years and take most of what is newer into it."""
        return bool(_ENTERPRISE.search(self.text))

    @property
    def shown(self) -> str:
        """The version for a reader."""
        return f"at least {self.text}" if self.least else self.text


class Versions(msgspec.Struct, frozen=True, kw_only=True):
    """All versions that are known, each once."""

    known: tuple[VersionTold, ...]

    def of(self, component: Component) -> tuple[VersionTold, ...]:
        """The versions of one component; people compare several."""
        return tuple(one for one in self.known if one.component is component)
