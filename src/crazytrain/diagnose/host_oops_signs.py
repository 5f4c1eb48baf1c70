"""The host's own kernel that gave up in its file systems or disks, as points of storage-stall: what the thread held is never given back."""

import re
from collections.abc import Iterable, Iterator

from crazytrain.model.facts.kernel_traces import KernelTrace
from crazytrain.model.finding import Point
from crazytrain.model.kernel_waits import WaitsFor, waits_for

_OOPS = re.compile(
    r"kernel BUG at|Oops|general protection fault|BUG: (?:unable to handle|kernel NULL)|Unable to handle kernel"
)
# Where the code is that gave up: the file that BUG() names.
_OF_STORAGE = re.compile(r"kernel BUG at \S*(?:fs|block|drivers/(?:md|block|scsi|nvme)|zfs|spl)/")
_NEAR = 8
_RATIO = 12.0


def host_oops_points(cause: str, traces: Iterable[KernelTrace]) -> Iterator[Point]:
    """The first such trace; that it speaks for the host's kernel, too, is said elsewhere."""
    for trace in traces if cause == "storage-stall" else ():
        if trace.host and trace.sure and _OOPS.search(trace.complaint) and _in_storage(trace):
            yield Point(f"the host's kernel failed where it serves disks: {trace.complaint}", trace.refs, _RATIO)
            return


def _in_storage(trace: KernelTrace) -> bool:
    return bool(_OF_STORAGE.search(trace.complaint)) or waits_for(trace.names[:_NEAR]) is WaitsFor.STORAGE
