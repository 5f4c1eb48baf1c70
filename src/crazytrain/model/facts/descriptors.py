"""Facts about the descriptors of a QEMU process: what each is, and what QEMU uses it for."""

import msgspec

from crazytrain.model.evidence import Ref


class Descriptor(msgspec.Struct, frozen=True, kw_only=True):
    """One open descriptor.

    ``target`` is the link as the kernel shows it (``anon_inode:[eventfd]``, ``socket:[104985]``, ``/dev/net/tun``),
    ``kind`` a short word of ours (eventfd, signalfd, timerfd, epoll, io_uring, kvm, kvm-vm, kvm-vcpu, socket, tun,
    file, pty, pipe, device, ...). ``role`` is what QEMU uses it for, with ``why`` we think so; empty where that is
    not known. ``detail`` holds what fdinfo adds (eventfd count, signal mask, watched descriptors).
    ``name`` is what it is bound to (path or address of a socket, tap interface, pty), ``object_id`` the kernel's
    number of an eventfd (two descriptors with the same one are one object), ``count`` an eventfd's counter,
    ``signals`` those that a signalfd delivers, ``watches`` the descriptors in an epoll set, ``listening`` a socket
    that waits for clients (``None``: not known), ``locked`` a file on which QEMU holds its image locks.
    """

    fd: int
    target: str
    kind: str
    role: str = ""
    why: str = ""
    detail: str = ""
    vcpu: int | None = None
    name: str = ""
    object_id: int | None = None
    count: int | None = None
    signals: tuple[int, ...] = ()
    watches: tuple[int, ...] = ()
    listening: bool | None = None
    locked: bool = False
    refs: tuple[Ref, ...] = ()

    @property
    def label(self) -> str:
        """A short name for people: the number, and the role or else the kind."""
        return f"fd {self.fd} ({self.role or self.kind})"


class DescriptorTable(msgspec.Struct, frozen=True, kw_only=True):
    """All descriptors seen. ``complete`` is false for a listing that was cut (the 2012 paste begins with ``...``)."""

    descriptors: tuple[Descriptor, ...]
    complete: bool
    refs: tuple[Ref, ...]

    def get(self, fd: int | None) -> Descriptor | None:
        """The descriptor of this number, or ``None``."""
        return next((d for d in self.descriptors if d.fd == fd), None)

    def of(self, kind: str) -> tuple[Descriptor, ...]:
        """All descriptors of one kind."""
        return tuple(d for d in self.descriptors if d.kind == kind)
