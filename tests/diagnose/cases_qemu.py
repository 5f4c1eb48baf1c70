"""Causes that rest on what QEMU says of itself and its devices: facts that hit, and a near miss that must not."""

import msgspec

from crazytrain.model.facts import ThreadActivity, ThreadRole, ThreadUse
from crazytrain.model.facts.devices import Device, DeviceTree
from crazytrain.model.facts.services import BalloonUse, Display, Displays, Migration
from tests.diagnose import making as m

TABLET = DeviceTree(
    devices=(
        Device(driver="i440FX-pcihost", depth=1),
        Device(driver="piix3-usb-uhci", id="usb", bus="pci.0", depth=3),
        Device(driver="usb-tablet", id="tablet", bus="usb.0", depth=5),
    ),
    refs=m.REFS,
)
TABLET_ON_XHCI = DeviceTree(
    devices=(
        Device(driver="piix3-usb-uhci", bus="pci.0", depth=3),
        Device(driver="qemu-xhci", id="usb", bus="pci.0", depth=3),
        Device(driver="usb-tablet", id="tablet", bus="usb.0", depth=5),
    ),
    refs=m.REFS,
)
MOVING = Migration(
    mono_ns=1, status="active", remaining_bytes=1 << 30, total_bytes=1 << 32, dirty_pages_per_s=40_000, refs=m.REFS
)
MOVED = Migration(mono_ns=1, status="completed", refs=m.REFS)
WATCHED = Displays(mono_ns=1, displays=(Display(kind="VNC", clients=1),), asked=("VNC",), refs=m.REFS)
UNWATCHED = Displays(mono_ns=1, displays=(Display(kind="VNC", clients=0),), asked=("VNC",), refs=m.REFS)
QUARTER = 1 << 28


def beside(role: ThreadRole, comm: str, used: float, vcpu: float = 0.05) -> ThreadActivity:
    """A guest with one more thread."""
    usual = m.threads(vcpu=vcpu)
    more = ThreadUse(tid=12, comm=comm, role=role, system_ratio=used, delay_ratio=0.0)
    return msgspec.structs.replace(usual, threads=(*usual.threads, more))


def balloon(grown_bytes: int) -> BalloonUse:
    return BalloonUse(window_ns=m.WINDOW_NS, actual_bytes=1 << 30, grown_bytes=grown_bytes, refs=m.REFS)


CASES: dict[str, tuple[tuple[object, ...], tuple[object, ...]]] = {
    "usb-polling": (
        (TABLET, m.loops(1010.0), m.threads(loop=0.06)),
        (TABLET_ON_XHCI, m.loops(1010.0), m.threads(loop=0.06)),
    ),
    "display-load": (
        (beside(ThreadRole.VNC, "vnc_worker", 0.6), WATCHED),
        (beside(ThreadRole.VNC, "vnc_worker", 0.02), WATCHED),
    ),
    "vhost-busy": (
        (beside(ThreadRole.VHOST, "vhost-700", 0.95),),
        (beside(ThreadRole.VHOST, "vhost-700", 0.3, vcpu=1.0),),
    ),
    "migration-running": (
        (MOVING, beside(ThreadRole.MIGRATION, "live_migration", 0.7)),
        (MOVED, beside(ThreadRole.WORKER, "worker", 0.7)),
    ),
    "balloon-deflate": ((balloon(-QUARTER),), (balloon(0),)),
}
