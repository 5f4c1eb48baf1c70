"""What a system call works on, in words: a descriptor with its role, a path, a vCPU."""

from crazytrain.model.facts import Descriptor, DescriptorTable
from crazytrain.model.facts.block import DiskStates
from crazytrain.model.facts.waits import KVM_RUN, ThreadWait

_ON_DESCRIPTOR = frozenset(
    """
    read write pread64 pwrite64 readv writev preadv pwritev preadv2 pwritev2 fsync fdatasync fallocate ftruncate lseek fstat
    ioctl sendto recvfrom sendmsg recvmsg accept accept4 connect close sync_file_range flock fcntl getdents64 syncfs fstatfs
    epoll_wait epoll_pwait epoll_pwait2 io_uring_enter shutdown sendfile splice copy_file_range dup3 fadvise64 readahead
    sendmmsg recvmmsg getsockopt setsockopt io_uring_register
    """.split()  # noqa: SIM905 - forty quotes would hide the words
)


def works_on_descriptor(wait: ThreadWait) -> bool:
    """Whether the call's first argument is a descriptor."""
    return wait.call in _ON_DESCRIPTOR and bool(wait.arguments) and wait.arguments[0] < 1 << 30


def request_of(wait: ThreadWait) -> int | None:
    """The request of an ``ioctl``."""
    return wait.arguments[1] & 0xFFFFFFFF if wait.call == "ioctl" and len(wait.arguments) > 1 else None


def what_it_works_on(
    wait: ThreadWait, table: DescriptorTable | None, disks: DiskStates | None, vcpu: int | None
) -> str:
    """Say what a call works on; empty where its arguments do not tell."""
    if wait.path:
        return f"{wait.path}{_disk(wait.path, disks)}"
    if not works_on_descriptor(wait):
        return ""
    if request_of(wait) == KVM_RUN:
        return f"vCPU {vcpu}" if vcpu is not None else "a vCPU"
    fd = wait.arguments[0]
    found = table.get(fd) if table else None
    return _described(found, disks) if found else f"fd {fd}"


def _disk(path: str, disks: DiskStates | None) -> str:
    """Which disk of the guest a file is, in QEMU's words; empty where the monitor did not tell."""
    found = next((disk for disk in (disks.disks if disks else ()) if disk.file == path and disk.disk), None)
    return f", the guest's disk {found.disk} ({found.driver or 'format unknown'})" if found else ""


def _described(descriptor: Descriptor, disks: DiskStates | None) -> str:
    """Number, role and, where the role does not name it, the file."""
    if descriptor.kind not in ("file", "device", "pipe", "usb"):
        return descriptor.label
    name = descriptor.target.removesuffix(" (deleted)")
    role = f"{descriptor.role}, " if descriptor.role else ""
    return f"fd {descriptor.fd} ({role}{name}{_disk(name, disks)})"
