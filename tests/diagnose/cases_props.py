"""Causes of guests that the host or their own traffic holds: facts that hit, and a near miss that must not."""

from crazytrain.model.facts.block import BlockUse, DiskUse
from tests.diagnose import making as m


def disk(requests_per_s: float, request_bytes: int = 65536) -> BlockUse:
    use = DiskUse(disk="vda", reads_per_s=requests_per_s, read_bytes_per_s=requests_per_s * request_bytes)
    return BlockUse(window_ns=m.WINDOW_NS, disks=(use,), refs=m.REFS)


CASES: dict[str, tuple[tuple[object, ...], tuple[object, ...]]] = {
    "guest-io-heavy": (
        (disk(3300.0), m.threads(vcpu=0.6, loop=0.1), m.view(halted=0.12)),
        (disk(40.0, 4096), m.threads(vcpu=0.6, loop=0.1), m.view(halted=0.12)),
    ),
}
