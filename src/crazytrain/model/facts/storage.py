"""Facts about the storage behind a guest: file systems and devices of its open files, and who waits for them."""

import msgspec

from crazytrain.model.evidence import Ref


class DeviceReading(msgspec.Struct, frozen=True, kw_only=True):
    """One block device at one instant: ``/sys/dev/block/MAJOR:MINOR``.

    Counters are of ``stat`` (Documentation/block/stat.rst). ``busy_ms`` is the time in which something was in flight.
    ``thin_pool`` is the name of the pool that a device-mapper volume takes its space from.
    """

    number: str
    name: str = ""
    size_bytes: int | None = None
    read_only: bool | None = None
    rotational: bool | None = None
    scheduler: str = ""
    mapper_name: str = ""
    thin_pool: str = ""
    reads: int | None = None
    writes: int | None = None
    read_bytes: int | None = None
    written_bytes: int | None = None
    busy_ms: int | None = None
    reads_in_flight: int | None = None
    writes_in_flight: int | None = None


class ImageReading(msgspec.Struct, frozen=True, kw_only=True):
    """One file or block device that QEMU holds open, and what is behind it at one instant.

    ``fds`` are its descriptors, ``writable`` whether one of them may write. ``answers`` is false where the file system did
    not answer in time, ``None`` where it was not asked. ``free_bytes`` is what ``df`` calls available, ``free_inodes`` is
    ``None`` for file systems that make them as they are needed. ``device`` is ``MAJOR:MINOR``, empty where there is none.
    """

    path: str
    fds: tuple[int, ...]
    writable: bool | None = None
    mount_point: str = ""
    fs_type: str = ""
    source: str = ""
    network: bool = False
    mounted_read_only: bool | None = None
    device: str = ""
    answers: bool | None = None
    total_bytes: int | None = None
    free_bytes: int | None = None
    free_inodes: int | None = None
    total_inodes: int | None = None


class BlockedTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task of the host in uninterruptible sleep (state D). ``since_ns``: for how long it has not run; ``None``: not known."""

    tid: int
    comm: str
    pid: int
    wchan: str = ""
    since_ns: int | None = None
    stack: tuple[str, ...] = ()
    switches: int | None = None


class StorageReading(msgspec.Struct, frozen=True, kw_only=True):
    """One instant. ``tasks_seen`` of the host were looked at; ``blocked`` are those in state D."""

    mono_ns: int
    images: tuple[ImageReading, ...]
    devices: tuple[DeviceReading, ...]
    blocked: tuple[BlockedTask, ...]
    tasks_seen: int
    ref: Ref


class DeviceUse(msgspec.Struct, frozen=True, kw_only=True):
    """One block device over the window.

    ``busy_ratio`` is the share of the window with something in flight. ``stuck``: requests were in flight at both ends and none
    was completed between.
    """

    device: DeviceReading
    reads_per_s: float | None
    writes_per_s: float | None
    read_bytes_per_s: float | None
    written_bytes_per_s: float | None
    busy_ratio: float | None
    in_flight: int | None
    stuck: bool


class GuestStorage(msgspec.Struct, frozen=True, kw_only=True):
    """The storage behind the guest over the window.

    ``images`` as they were at the end. ``blocked`` were in state D at both instants without having run between (or at the only
    one); ``own_blocked`` are those of the guest's process.
    """

    window_ns: int
    images: tuple[ImageReading, ...]
    devices: tuple[DeviceUse, ...]
    blocked: tuple[BlockedTask, ...]
    own_blocked: tuple[BlockedTask, ...]
    tasks_seen: int
    refs: tuple[Ref, ...]

    @property
    def full(self) -> tuple[ImageReading, ...]:
        """Images that may be written, and whose file system has next to no space or no inodes left."""
        return tuple(image for image in self.images if image.writable and is_full(image))

    @property
    def silent(self) -> tuple[ImageReading, ...]:
        """Images whose file system does not answer."""
        return tuple(image for image in self.images if image.answers is False)


NO_SPACE_BYTES = 1 << 20  # less than an image grows by at once


def is_full(image: ImageReading) -> bool:
    """Whether nothing more can be written into the image's file system."""
    no_space = image.free_bytes is not None and image.free_bytes < NO_SPACE_BYTES
    return no_space or (image.free_inodes == 0 and bool(image.total_inodes))
