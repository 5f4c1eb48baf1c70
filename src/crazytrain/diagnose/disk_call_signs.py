"""How much the guest's disks move, by QEMU's own calls on their images: where no monitor tells of requests."""

from crazytrain.diagnose.signs import main_loop
from crazytrain.diagnose.timer_signs import LATE_TIMES
from crazytrain.model import fdrole
from crazytrain.model.facts import DescriptorTable, SyscallUse, ThreadActivity
from crazytrain.model.figures import rate, share
from crazytrain.model.finding import Point

_CALLS = frozenset(("pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2"))
_HELD_MATTERS_FROM = 0.2


def disk_call_points(
    use: SyscallUse | None,
    table: DescriptorTable | None,
    threads: ThreadActivity | None,
    *,
    heavy: float,
    strong: float,
) -> tuple[Point, ...]:
    """That so many calls moved data of disk images, as a point; nothing where they were fewer, for io_uring makes none.

    ``heavy`` calls a second are many. Requests that QEMU merges are one call, so there are no more calls than requests.
    """
    if use is None or table is None or not use.window_ns:
        return ()
    images = {one.fd for one in table.descriptors if one.role.startswith(fdrole.DISK)}
    moved = [call for call in use.calls if call.call in _CALLS and call.fd in images]
    per_s = sum(call.count for call in moved) * 1e9 / use.window_ns
    loop = main_loop(threads) if threads else None
    held = min((loop.delay_ratio or 0.0) if loop else 0.0, 0.99)
    if per_s * min(LATE_TIMES, 1 / (1 - held)) < heavy:
        return ()
    late = f" (while the main loop waited for a CPU {share(held)} of the time)" if held >= _HELD_MATTERS_FROM else ""
    return (Point(f"QEMU read or wrote its disk images {rate(per_s)}{late}", use.refs, strong),)
