"""What every thread of the guest, and of the kernel on its behalf, has used: several instants over the window."""

import re
from collections.abc import Iterator, Sequence

import msgspec

from crazytrain.collect.look import Collector, Look
from crazytrain.collect.parts import bundle, read_part, ticks_part
from crazytrain.collect.same import gone, still_same
from crazytrain.host.door import Host
from crazytrain.model.bundle import Part
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome

THREAD_LIMIT = 512
_FEWEST, _MOST = 3, 21
_APART_NS = 500_000_000
_SCAN_TIMEOUT_S = 2.0
_READ_TIMEOUT_S = 2.0
_KERNEL_THREAD = re.compile(rb"(?:vhost-|kvm-pit/|kvm-nx-lpage-recovery-|kvm-nx-huge-page-recovery-)(\d{1,10})\n?")


async def collect_tasks(look: Look) -> None:
    """Keep ``tasks.0``, ``tasks.1``, ...: a bundle an instant; ``status`` (context switches) in the first and last."""
    host, pid = look.host, look.guest.pid
    helpers = (await kernel_threads(host)).get(pid, ())
    moments = instants(look.start_ns, look.end_ns)
    for number, moment in enumerate(moments):
        await host.sleep_until(moment)
        if not still_same(host, look.guest.process):
            look.keep(gone(look, f"tasks.{number}", Kind.TASKS))
            return
        at_an_end = number in (0, len(moments) - 1)
        look.keep(await task_instant(host, pid, helpers, f"tasks.{number}", status=at_an_end))


def instants(start_ns: int, end_ns: int) -> tuple[int, ...]:
    """Spread the moments to look at evenly over the window, about every half second."""
    steps = min(max(round((end_ns - start_ns) / _APART_NS), _FEWEST - 1), _MOST - 1)
    return tuple(start_ns + (end_ns - start_ns) * step // steps for step in range(steps + 1))


async def kernel_threads(host: Host) -> dict[int, tuple[int, ...]]:
    """Find kernel threads that carry a process id in their name (vhost-PID, kvm-pit/PID, ...), by that process id.

    Newer kernels have some of them as tasks of the process itself; those are found there. A name is no proof that it is
    a kernel thread, so whoever reads it checks the flags in ``stat``. No answer in time: none.
    """
    try:
        return await host.patiently(lambda: _scan(host), _SCAN_TIMEOUT_S)
    except OSError:
        return {}


def _scan(host: Host) -> dict[int, tuple[int, ...]]:
    found: dict[int, tuple[int, ...]] = {}
    for name in host.names("/proc"):
        owner = _KERNEL_THREAD.fullmatch(read_part(host, f"/proc/{name}/comm", 128).data) if name.isdigit() else None
        if owner:
            pid = int(owner[1])
            found[pid] = (*found.get(pid, ()), int(name))
    return found


async def task_instant(host: Host, pid: int, helpers: Sequence[int], name: str, *, status: bool) -> Evidence:
    """Read all threads of one process, and the kernel threads ``helpers``, at one instant."""
    folder = f"/proc/{pid}/task"
    tids: list[str] = []

    def read() -> tuple[Part, ...]:
        tids.extend(host.names(folder))
        folders = [f"{folder}/{tid}" for tid in tids[:THREAD_LIMIT]] + [f"/proc/{helper}" for helper in helpers]
        return (ticks_part(host), read_part(host, "/proc/uptime"), *_threads(host, folders, status=status))

    seen = await bundle(host, (name, Kind.TASKS, folder), read, _READ_TIMEOUT_S)
    return _cut(seen, len(tids)) if len(tids) > THREAD_LIMIT else seen


def _threads(host: Host, folders: Sequence[str], *, status: bool) -> Iterator[Part]:
    names = ("comm", "stat", "schedstat", *(("status",) if status else ()))
    for folder in folders:
        # No file of /proc: the moment, for the reader may lose the CPU between two threads.
        yield Part(f"{folder}/mono_ns", b"%d\n" % host.mono_ns())
        yield from (read_part(host, f"{folder}/{name}", 8192) for name in names)


def _cut(seen: Evidence, threads: int) -> Evidence:
    if seen.outcome is not Outcome.OK:
        return seen
    said = f"{THREAD_LIMIT} of {threads} threads" + (f"; {seen.detail}" if seen.detail else "")
    return msgspec.structs.replace(seen, outcome=Outcome.TRUNCATED, detail=said)


COLLECTOR = Collector(name="tasks", cost=Cost.READS, timeout_s=4.0, limit_bytes=16 << 20, run=collect_tasks)
