"""Every link target that QEMU's descriptors have on old and new kernels gets its kind."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.model.fdkind import kind_of, vcpu_index, vcpu_target


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("anon_inode:[eventfd]", "eventfd"),
        ("anon_inode:[signalfd]", "signalfd"),
        ("anon_inode:[timerfd]", "timerfd"),
        ("anon_inode:[eventpoll]", "epoll"),
        ("anon_inode:[io_uring]", "io_uring"),
        ("anon_inode:inotify", "inotify"),
        ("anon_inode:[userfaultfd]", "userfaultfd"),
        ("anon_inode:kvm-vm", "kvm-vm"),
        ("anon_inode:kvm-vcpu", "kvm-vcpu"),
        ("anon_inode:kvm-vcpu:12", "kvm-vcpu"),
        ("anon_inode:kvm-vcpu-stats:0", "kvm-stats"),
        ("anon_inode:kvm-vm-stats", "kvm-stats"),
        ("anon_inode:kvm-vfio", "kvm-device"),
        ("anon_inode:[perf_event]", "perf-event"),
        ("anon_inode:[something-new]", "anon"),
        ("socket:[104985]", "socket"),
        ("pipe:[7276]", "pipe"),
        ("/dev/kvm", "kvm"),
        ("/dev/net/tun", "tun"),
        ("/dev/tap7", "tun"),
        ("/dev/vhost-net", "vhost"),
        ("/dev/vhost-vsock", "vhost"),
        ("/dev/vfio/vfio", "vfio"),
        ("/dev/bus/usb/001/002", "usb"),
        ("/dev/ptmx", "pty"),
        ("/dev/pts/3", "pty"),
        ("/dev/null", "null"),
        ("/dev/mapper/vg-web01", "device"),
        ("/dev/shm/pc.ram", "file"),
        ("/memfd:memory-backend-memfd (deleted)", "memfd"),
        ("/var/lib/libvirt/images/web01.qcow2", "file"),
        ("/tmp/gone.img (deleted)", "file"),
        ("", "unknown"),
        ("relative", "unknown"),
    ],
)
def test_kind(target: str, kind: str) -> None:
    assert kind_of(target) == kind


def test_a_vcpus_index_where_the_kernel_tells_it() -> None:
    assert vcpu_index("anon_inode:kvm-vcpu:3") == 3
    assert vcpu_index("anon_inode:kvm-vcpu") is None
    assert vcpu_index("/dev/kvm") is None


@given(st.text())
def test_any_text_has_a_kind(target: str) -> None:
    assert kind_of(target)
    assert vcpu_index(target) is None or vcpu_target(target)
