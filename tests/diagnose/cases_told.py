"""Causes that people tell of more often than they are measured: facts that hit, and a near miss that must not."""

from crazytrain.model.facts import QemuConfig
from crazytrain.model.facts.block import BlockUse, DiskState, DiskStates, DiskUse
from crazytrain.model.facts.inside_view import InsideView, TaskShare
from tests.diagnose import making as m
from tests.diagnose.cases_inside import inside, part, seen

SLEW = QemuConfig(binary="qemu-system-x86_64", rtc="base=localtime,driftfix=slew", refs=m.REFS)
IDLE_DISK = BlockUse(window_ns=m.WINDOW_NS, disks=(DiskUse(disk="drive0", writes_per_s=0.2),), refs=m.REFS)


def limit(*, throttled: bool) -> DiskStates:
    return DiskStates(disks=(DiskState(disk="drive0", throttled=throttled),), refs=m.REFS)


def on_cpu(comm: str) -> InsideView:
    return seen(tasks=(TaskShare(pid=700, comm=comm, seen=part(0.95)),))


CASES: dict[str, tuple[tuple[object, ...], tuple[object, ...]]] = {
    "rtc-catchup": (
        (SLEW, m.irqs(irq8=11_000.0), m.loops(11_000.0)),
        (SLEW, m.irqs(irq8=8_190.0), m.loops(8_190.0)),
    ),
    "guest-agent-spin": (
        (inside(on_cpu("qemu-ga")), m.threads(vcpu=0.99)),
        (inside(on_cpu("ffmpeg")), m.threads(vcpu=0.99)),
    ),
    "throttle-timer-spin": (
        (limit(throttled=True), m.loops(60_000.0, zero=0.95), m.threads(loop=0.98), IDLE_DISK),
        (limit(throttled=False), m.loops(60_000.0, zero=0.95), m.threads(loop=0.98), IDLE_DISK),
    ),
}
