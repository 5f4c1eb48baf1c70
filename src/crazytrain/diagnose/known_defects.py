"""Known defects of version ranges: a point of the causes concerned, with a modest ratio.

A version proves nothing: distributions carry fixes back, and most guests run well on every version. Each entry can be looked up at its
reference; where nobody says since when, or until when, the end is open.
"""

from collections.abc import Iterator

import msgspec

from crazytrain.model.facts.versions import Component, Number, Versions, VersionTold
from crazytrain.model.finding import Point

RATIO = 1.6
OPEN_RATIO = 1.15  # where nearly every version is concerned


class Defect(msgspec.Struct, frozen=True, kw_only=True):
    """One defect. ``since`` is the first version that has it, ``before`` the first one that has it no more."""

    component: Component
    since: Number | None = None
    before: Number | None = None
    causes: tuple[str, ...]
    says: str
    reference: str

    def has(self, number: Number) -> bool:
        """Whether a version is in the range."""
        return (self.since is None or number >= self.since) and (self.before is None or number < self.before)

    @property
    def ratio(self) -> float:
        """How much being in the range speaks for its causes."""
        return RATIO if self.since and self.before else OPEN_RATIO


DEFECTS: tuple[Defect, ...] = (
    Defect(
        component=Component.QEMU,
        before=(1, 5),
        causes=("chardev-spin",),
        says="before 1.5 character devices have no flow control: a guest freezes when nobody reads what it writes",
        reference="https://wiki.qemu.org/Features/ChardevFlowControl",
    ),
    Defect(
        component=Component.QEMU,
        before=(1, 7),
        causes=("kvmclock-jump",),
        says="before 1.7 kvmclock goes on while the guest is paused, so that its time leaps when it goes on",
        reference="https://gitlab.com/qemu-project/qemu/-/commit/00f4d64ee76e873be881a82d893a591487aa7950",
    ),
    Defect(
        component=Component.QEMU,
        before=(1, 3),
        causes=("guest-lost-interrupt",),
        says="virtio-serial may raise its interrupt too early after a migration, and the guest hears no later one",
        reference="https://kernel.googlesource.com/pub/scm/virt/qemu/amit/virtio-serial/+/refs/heads/loadvm-irq-inj-fix%5E%21/",
    ),
    Defect(
        component=Component.QEMU,
        since=(5, 0),
        before=(5, 1),
        causes=("fd-monitor-spin",),
        says="5.0 came with the io_uring descriptor monitor, which keeps removed handlers in the main loop's list",
        reference="https://qemu.googlesource.com/qemu/+/73fd282e7b6dd4e4ea1c3bbb3d302c8db51e4ccf",
    ),
    Defect(
        component=Component.QEMU,
        since=(7, 1),
        before=(7, 2),
        causes=("block-drain-deadlock", "storage-stall", "guest-hung-io"),
        says="iothreads together with aio=io_uring hang in 7.1.0",
        reference="https://github.com/openSUSE/obs-build/pull/893",
    ),
    Defect(
        component=Component.HOST_KERNEL,
        since=(5, 16),
        before=(6, 8),
        causes=("memory-pressure", "host-kernel-regression"),
        says="on hosts with several memory nodes NUMA balancing stops guests for seconds",
        reference="https://lists.proxmox.com/pipermail/pve-devel/2024-January/061399.html",
    ),
    Defect(
        component=Component.HOST_KERNEL,
        since=(5, 19),
        causes=("split-lock",),
        says="since 5.19 a task that does split locks is slowed down on purpose",
        reference="https://www.phoronix.com/news/Linux-Splitlock-Hurts-Gaming",
    ),
    Defect(
        component=Component.HOST_KERNEL,
        before=(6, 19),
        causes=("lapic-catchup",),
        says="a periodic APIC timer of a guest that did not run for long is made up for in the host's kernel without a limit (CVE-2025-71104)",
        reference="https://lkml.iu.edu/hypermail/linux/kernel/2511.1/03055.html",
    ),
    Defect(
        component=Component.HOST_KERNEL,
        since=(3, 13),
        before=(3, 17),
        causes=("steal-time-overflow",),
        says="the steal time of a vCPU overflows when its state is restored by another thread than its own",
        reference="https://lists.launchpad.net/kernel-packages/msg165855.html",
    ),
)


def defect_points(cause: str, versions: Versions | None) -> tuple[Point, ...]:
    """That a version with a known defect is here, as points for the causes concerned."""
    return tuple(_points(cause, versions)) if versions else ()


def _points(cause: str, versions: Versions) -> Iterator[Point]:
    for defect in DEFECTS:
        if cause not in defect.causes:
            continue
        for one in _candidates(defect, versions):
            says = f"{one.component.value} is {one.text}; this version range has a known defect: {defect.says} ({defect.reference})"
            yield Point(says, (one.ref,), defect.ratio)
            break


def _candidates(defect: Defect, versions: Versions) -> Iterator[VersionTold]:
    """Versions in the range. A kernel that is neither said to be the host's nor the guest's may be the host's."""
    maybe = versions.of(Component.KERNEL) if defect.component is Component.HOST_KERNEL else ()
    return (one for one in (*versions.of(defect.component), *maybe) if defect.has(one.number))
