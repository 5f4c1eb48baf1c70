"""What a screen of top without QEMU says, as points of causes: most likely it was taken inside of the guest, which nobody promises."""

import re
from collections.abc import Iterable, Iterator

from crazytrain.model.facts.top_tasks import BusyTask, HostTasks, TopTasks
from crazytrain.model.figures import share
from crazytrain.model.finding import Point

_BUSY_FROM = 0.45  # of busybox, whose shares are of all CPUs, half of them is much
_RECLAIM = re.compile(r"kswapd")
_INTERRUPTS = re.compile(r"ksoftirqd|irq/\d")
_AGENT = re.compile(r"qemu-ga\b|spice-vdagent|ovirt-guest-ag|vdservice")
_OF_PROGRAM: dict[str, float] = {"guest-user-busy": 10, "healthy-busy": 1.2}
_OF_KERNEL: dict[str, float] = {"guest-kernel-busy": 30, "guest-user-busy": 0.5}
_OF_RECLAIM: dict[str, float] = {  # whose memory is short: the machine's on which it runs
    "guest-kernel-busy": 12, "guest-memory-thrash": 3, "memory-pressure": 3, "guest-io-heavy": 0.7, "storage-stall": 0.5, "guest-user-busy": 0.3,
}  # fmt: skip
_OF_INTERRUPTS: dict[str, float] = {"interrupt-storm": 3, "guest-kernel-busy": 8, "guest-io-heavy": 2.5}
_OF_AGENT: dict[str, float] = {"guest-agent-spin": 25, "guest-user-busy": 1.5}


def task_points(cause: str, every: Iterable[TopTasks]) -> Iterator[Point]:
    """The busiest task; a kernel that looks for memory counts before what waits for it."""
    for one in every:
        busy = [task for task in one.tasks if task.cpu_ratio >= _BUSY_FROM]
        task = next((task for task in busy if _RECLAIM.match(task.comm)), busy[0] if busy else None)
        ratio = 1.0 if task is None else _ratios(task).get(cause, 1.0)
        if task is not None and ratio != 1:
            says = f"top (most likely the guest's: no QEMU on it) shows {task.comm} at {share(task.cpu_ratio)} of a CPU"
            yield Point(says, one.refs, ratio)
            return


# Threads of the host's kernel at work, by name, and whose trouble it is.
_OF_HOST: tuple[tuple[re.Pattern[str], dict[str, float]], ...] = (
    (re.compile(r"ksmd|kswapd|khugepaged|kcompactd|ksm\b"), {"memory-pressure": 12, "host-kernel-regression": 1.2}),
    (re.compile(r"vhost-\d"), {"vhost-busy": 40, "guest-lost-interrupt": 0.5}),
    (re.compile(r"kvm-pit"), {"pit-hpet-storm": 15}),
    (re.compile(r"z_|zvol|txg_|drbd|md\d+_|nfsiod|rbd|dm-|loop\d"), {"storage-stall": 2, "blocked-sync-io": 1.5}),
)


def host_task_points(cause: str, every: Iterable[HostTasks]) -> Iterator[Point]:
    """The busiest thread of the host's kernel that speaks for a cause."""
    for one in every:
        for task in one.tasks:
            ratio = next((ratios.get(cause, 1.0) for name, ratios in _OF_HOST if name.match(task.comm)), 1.0)
            if ratio != 1:
                says = f"top shows the host's kernel thread {task.comm} at {share(task.cpu_ratio)} of a CPU"
                yield Point(says, one.refs, ratio)
                return


def _ratios(task: BusyTask) -> dict[str, float]:
    for name, ratios in ((_RECLAIM, _OF_RECLAIM), (_INTERRUPTS, _OF_INTERRUPTS), (_AGENT, _OF_AGENT)):
        if name.match(task.comm):
            return ratios
    return _OF_KERNEL if task.kernel else _OF_PROGRAM
