"""Cause qemu-blocked/blocked-usb-host."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.wait_signs import (
    is_long,
    lock_points,
    longest,
    monitor_points,
    none_waits,
    serving,
    wait_point,
)
from crazytrain.model.facts import DescriptorTable, QemuState
from crazytrain.model.facts.waits import Waiting, Waits
from crazytrain.model.finding import Claim, Family, Point

LONG_FROM_NS = 300_000_000
_WAITS_OF_LIBUSB = ("ppoll", "poll", "futex")  # for requests that are to be given up (hw/usb/host-libusb.c)
_USB = 0x55  # the letter of usbdevfs' requests: 'U' (linux/usbdevice_fs.h)


def blocked_usb_host(waits: Waits, table: DescriptorTable | None, state: QemuState | None) -> Claim:
    """Is QEMU stuck in a request to a USB device that is passed through?"""
    says = "QEMU is stuck in a request to a USB device of the host that does not answer"
    stuck = longest(w for w in serving(waits) if _at_usb(w, table) and is_long(w, LONG_FROM_NS))
    if stuck is None:
        return Claim(says=says, prior=0.01, points=(none_waits(waits, "event loop is stuck in a USB device's ioctl"),))
    points = [wait_point(stuck, 150), *lock_points(stuck, waits, 5), *monitor_points(state)]
    if stuck.in_kernel("usb_*", "proc_do_submiturb", "usbdev_*", "proc_control*", "proc_bulk*"):
        points.append(Point(f"it sleeps in the kernel's USB code ({stuck.wchan})", stuck.refs, 4))
    return Claim(says=says, prior=0.01, points=tuple(points))


def _at_usb(wait: Waiting, table: DescriptorTable | None) -> bool:
    if wait.call in _WAITS_OF_LIBUSB and wait.has("libusb_handle_events*", "usb_host_abort_xfers"):
        return True
    if wait.call != "ioctl":
        return False
    if wait.has("usb_host_*", "libusb_*", "usb_linux_*") or wait.in_kernel("usbdev_*", "usb_*"):
        return True
    found = table.get(wait.fd) if table and wait.fd is not None else None
    asks_usb = wait.request is not None and wait.request >> 8 & 0xFF == _USB
    return asks_usb if found is None else found.kind == "usb"


CAUSE = Cause(
    slug="blocked-usb-host",
    family=Family.QEMU_BLOCKED,
    rank=Rank.SPECIFIC,
    judge=blocked_usb_host,
    absorbs=("monitor-hung",),
)
