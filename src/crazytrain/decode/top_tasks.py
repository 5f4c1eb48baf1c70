"""TOP_THREADS: the busy rows of a screen of top on which there is no QEMU (one of a guest's inside looks so), and the kernel's on one with QEMU.

      PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND
       47 root      20   0       0      0      0 R  98.7   0.0  12:40.11 kswapd0

Manual: top(1). Of several screens the last one is read. A thread of the kernel has no memory of its own.
"""

import re
from collections.abc import Iterable, Mapping

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.top_tasks import BusyTask, HostTasks, TopTasks

_HEADER = re.compile(r"[\s*]*PID\s+\S.*(?:%CPU|CPU%).*COMMAND")
_OF_QEMU = re.compile(
    r"(?:\S*/)?(?:qemu(?!-ga\b)|kvm\b)|CPU \d+/(?:KVM|TCG)|IO \w|vnc_worker|SPICE Worker|libvirtd|virtqemud|vhost-\d"
)
_SHARE = re.compile(r"\d{1,5}(?:[.,]\d{1,3})?")
_BUSY_FROM, _MOST_TASKS = 0.3, 8
_PIT, _PIT_FROM = "kvm-pit", 0.05  # it runs for each tick of a timer and for nothing else
_MOST_LINES, _LONGEST_LINE = 50_000, 1024


def decode_top_tasks(evidence: Evidence) -> Iterable[object]:
    """Yield one ``TopTasks`` where a header names the columns, some task is busy and none is of QEMU or a host's tool.

    Where one is, the machine is the host: ``HostTasks`` has the busy threads of its kernel.
    """
    text = evidence.data.decode("utf-8", "backslashreplace")
    columns: list[str] = []
    screen: list[tuple[BusyTask, int]] = []
    host = False
    for number, line in enumerate(text.split("\n")[:_MOST_LINES], start=1):
        bare = line[:_LONGEST_LINE].strip(" *\t\r")
        if _HEADER.match(bare):
            columns, screen = bare.replace("CPU%", "%CPU").split(), []
            continue
        values = bare.split(None, len(columns) - 1) if columns else []
        task = _task(dict(zip(columns, values, strict=False))) if values and len(values) == len(columns) else None
        host = host or (task is not None and bool(_OF_QEMU.match(task.comm)))
        if task is not None and task.cpu_ratio >= (_PIT_FROM if task.comm.startswith(_PIT) else _BUSY_FROM):
            screen.append((task, number))
    if host:
        screen = [(task, number) for task, number in screen if task.kernel]
    if screen:
        screen.sort(key=lambda one: -one[0].cpu_ratio)
        lines = [number for _, number in screen[:_MOST_TASKS]]
        kind = HostTasks if host else TopTasks
        yield kind(tasks=tuple(task for task, _ in screen[:_MOST_TASKS]), refs=(evidence.ref(min(lines), max(lines)),))


def _task(named: Mapping[str, str]) -> BusyTask | None:
    comm = named.get("COMMAND", "").strip()
    busy = named.get("%CPU", "").removesuffix("%")
    if "%VSZ" in named:  # busybox shows the whole command line
        comm = comm.partition(" ")[0].rpartition("/")[2]
    if not comm or not named.get("PID", "").isdecimal() or not _SHARE.fullmatch(busy):
        return None
    kernel = comm.startswith("[") or (named.get("VIRT") == "0" and named.get("RES") == "0")
    return BusyTask(comm=comm.strip("[]"), cpu_ratio=float(busy.replace(",", ".")) / 100, kernel=kernel)
