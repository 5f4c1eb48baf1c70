"""Facts about the guest's devices: who owns which port and page, what each device is set to, how far its queues are."""

import msgspec

from crazytrain.model.evidence import Ref


class Region(msgspec.Struct, frozen=True):
    """A range of I/O ports or of guest-physical addresses, both ends included, and the name that QEMU gives it."""

    first: int
    last: int
    name: str


class AddressMap(msgspec.Struct, frozen=True, kw_only=True):
    """HMP ``info mtree -f``: what answers at each port and address of this guest, RAM left out.

    ``complete`` tells whether the I/O view was seen to its end: then a port without region belongs to no device.
    """

    ports: tuple[Region, ...]
    memory: tuple[Region, ...]
    complete: bool
    refs: tuple[Ref, ...]


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """One device of ``info qtree``: its type, id, bus, depth in the tree, what it is set to, and its ranges."""

    driver: str
    id: str = ""
    bus: str = ""
    depth: int = 0
    settings: tuple[tuple[str, str], ...] = ()
    ports: tuple[Region, ...] = ()
    memory: tuple[Region, ...] = ()

    @property
    def label(self) -> str:
        """A short name for people: ``virtio-blk-pci vd1``."""
        return f"{self.driver} {self.id}".strip()

    def setting(self, name: str) -> str | None:
        """What it is set to; ``None`` where it has no such setting."""
        return next((value for key, value in self.settings if key == name), None)


class DeviceTree(msgspec.Struct, frozen=True, kw_only=True):
    """All devices of the guest, in the order of the tree."""

    devices: tuple[Device, ...]
    refs: tuple[Ref, ...]

    def of(self, *drivers: str) -> tuple[Device, ...]:
        """The devices of these types."""
        return tuple(device for device in self.devices if device.driver in drivers)


class PciDevice(msgspec.Struct, frozen=True, kw_only=True):
    """One PCI function: ``irq`` is the line that it raises where it does not send messages (MSI), ``None`` for no line."""

    bus: int
    slot: int
    function: int
    what: str
    id: str = ""
    irq: int | None = None


class PciDevices(msgspec.Struct, frozen=True, kw_only=True):
    """All PCI functions of the guest."""

    devices: tuple[PciDevice, ...]
    refs: tuple[Ref, ...]


class Owners(msgspec.Struct, frozen=True, kw_only=True):
    """Who owns each port and page of this guest: ``name`` is the device, and in parentheses its range."""

    ports: tuple[Region, ...]
    memory: tuple[Region, ...]
    complete: bool
    refs: tuple[Ref, ...]


class VirtQueueReading(msgspec.Struct, frozen=True, kw_only=True):
    """One virtqueue at one instant. Indices run modulo 65,536.

    ``taken`` is how many buffers QEMU has taken from the guest, ``used`` how many it gave back, ``in_use`` those between
    (taken and not given back). ``offered`` is what QEMU last saw of the guest's own index. ``signalled`` is the index at
    which the guest was last told, ``None`` where it was not.
    """

    device: str
    path: str
    queue: int
    size: int
    taken: int
    offered: int
    used: int
    in_use: int
    signalled: int | None = None


class VirtioDevice(msgspec.Struct, frozen=True, kw_only=True):
    """One virtio device: whether the guest's driver runs it, and whether vhost serves its queues (QEMU knows little then)."""

    device: str
    path: str
    started: bool = False
    broken: bool = False
    vhost: bool = False
    needs_reset: bool = False


class VirtioReading(msgspec.Struct, frozen=True, kw_only=True):
    """All virtio devices and queues that were asked for at one instant."""

    mono_ns: int
    devices: tuple[VirtioDevice, ...]
    queues: tuple[VirtQueueReading, ...]
    refs: tuple[Ref, ...]


class VirtQueueUse(msgspec.Struct, frozen=True, kw_only=True):
    """One virtqueue over the window. ``stuck`` tells that buffers stayed with QEMU and none came back."""

    device: str
    queue: int
    size: int
    taken_per_s: float
    used_per_s: float
    in_use: int
    stuck: bool


class VirtQueues(msgspec.Struct, frozen=True, kw_only=True):
    """All virtqueues over the window."""

    window_ns: int
    queues: tuple[VirtQueueUse, ...]
    refs: tuple[Ref, ...]


class MachineTraits(msgspec.Struct, frozen=True, kw_only=True):
    """What QEMU's machine and CPU are set to and a command line need not say; ``None`` is not told.

    ``*_lost_ticks`` are policies (``discard``, ``slew``, ``delay``). ``features`` are paravirtual features of the CPU
    that are on (``kvmclock``, ``hv-time``, ...).
    """

    machine: str = ""
    rtc_lost_ticks: str = ""
    pit_lost_ticks: str = ""
    hpet: bool | None = None
    kvmclock: bool | None = None
    features: tuple[str, ...] = ()
    features_off: tuple[str, ...] = ()
    refs: tuple[Ref, ...] = ()
