"""What a descriptor is, by the target of its link in ``/proc/PID/fd``: one mapping for live and for pasted listings."""

import re

# Names as the kernel's callers of anon_inode_getfd() give them, without the brackets that some of them carry.
_ANON = {
    "eventfd": "eventfd",
    "signalfd": "signalfd",
    "timerfd": "timerfd",
    "eventpoll": "epoll",
    "io_uring": "io_uring",
    "inotify": "inotify",
    "fanotify": "fanotify",
    "userfaultfd": "userfaultfd",
    "pidfd": "pidfd",
    "perf_event": "perf-event",
    "bpf-prog": "bpf",
    "bpf-map": "bpf",
    "bpf_link": "bpf",
    "kvm-vm": "kvm-vm",
    "kvm-gmem": "kvm-gmem",
    "guest_memfd": "kvm-gmem",
    "kvm-device": "kvm-device",
    "sync_file": "sync-file",
    "dmabuf": "dmabuf",
    "vfio-device": "vfio",
}
_VCPU = re.compile(r"(?:anon_inode:)?\[?kvm-vcpu(?::(\d+))?\]?")
_VCPU_STATS = re.compile(r"kvm-vcpu-stats(?::\d+)?")
_PREFIXES = (
    ("socket:", "socket"),
    ("pipe:", "pipe"),
    ("/memfd:", "memfd"),
    ("/dmabuf:", "dmabuf"),
    ("pidfd:", "pidfd"),
    ("mnt:", "namespace"),
    ("net:", "namespace"),
    ("/dev/vhost-", "vhost"),
    ("/dev/vfio/", "vfio"),
    ("/dev/bus/usb/", "usb"),
    ("/dev/pts/", "pty"),
    ("/dev/hugepages", "hugepages"),
    ("/dev/shm/", "file"),  # noqa: S108 - a name to recognise, not to use
    ("/dev/tap", "tun"),  # macvtap
)
_DEVICES = {
    "/dev/kvm": "kvm",
    "/dev/net/tun": "tun",
    "/dev/ptmx": "pty",
    "/dev/pts/ptmx": "pty",
    "/dev/tty": "tty",
    "/dev/null": "null",
    "/dev/userfaultfd": "userfaultfd",
    "/dev/iommu": "vfio",
    "/dev/sev": "sev",
}


def kind_of(target: str) -> str:
    """Give a short word for what a link target is: eventfd, signalfd, kvm, kvm-vm, kvm-vcpu, socket, tun, file, ...

    Unknown kernel objects are ``anon``; what is no path and no known object is ``unknown``.
    """
    target = target.strip()
    if vcpu_target(target):
        return "kvm-vcpu"
    if target.startswith("anon_inode:"):
        return _anonymous(target.removeprefix("anon_inode:"))
    plain = target.removesuffix(" (deleted)")
    if plain in _DEVICES:
        return _DEVICES[plain]
    for prefix, kind in _PREFIXES:
        if plain.startswith(prefix):
            return kind
    if plain.startswith("/dev/"):
        return "device"
    return "file" if plain.startswith("/") else "unknown"


def _anonymous(name: str) -> str:
    if _VCPU_STATS.fullmatch(name) or name == "kvm-vm-stats":
        return "kvm-stats"
    bare = name.strip("[]")
    if bare.startswith(("kvm-vfio", "kvm-xics", "kvm-mpic", "kvm-arm-vgic", "kvm-xive")):
        return "kvm-device"
    return _ANON.get(bare, "anon")


def vcpu_target(target: str) -> bool:
    """Whether a link target is a vCPU, with its index (kernel 5.x and later) or without (before)."""
    return _VCPU.fullmatch(target.strip()) is not None


def vcpu_index(target: str) -> int | None:
    """Give the vCPU's index in a link target, ``None`` where it is no vCPU or the kernel does not say which."""
    found = _VCPU.fullmatch(target.strip())
    return int(found[1]) if found and found[1] and len(found[1]) < 10 else None
