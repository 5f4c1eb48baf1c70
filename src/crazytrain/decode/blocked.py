"""Tasks in uninterruptible sleep (state D), from /proc/TID/{stat,comm,wchan,status,sched,stack} in a bundle."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from crazytrain.decode.proc_text import keyed, keyed_number, stat_line, text
from crazytrain.model.facts.storage import BlockedTask

_TASK = re.compile(r"/proc/(?P<pid>\d{1,10})(?:/task/(?P<tid>\d{1,10}))?/(?P<file>stat|comm|wchan|status|sched|stack)")
_LAST_RAN = re.compile(rb"^se\.exec_start\s*:\s*(\d{1,15})\.(\d{6})", re.MULTILINE)
_FRAME = re.compile(r"^\[<[0-9a-fx]+>\]\s*([\w.]{1,80})", re.MULTILINE)
_MOST_FRAMES = 8


def blocked_tasks(read: Mapping[str, bytes]) -> Iterator[BlockedTask]:
    """Yield the tasks in state D.

    Since when: ``se.exec_start`` of ``/proc/TID/sched`` is when a task last ran, by the clock of its CPU's run queue; the reader's own
    is about now. Those clocks leave out time that a hypervisor took, so on a host that is itself a guest two CPUs' may differ by
    some seconds. Source: kernel/sched/debug.c, fs/proc/base.c.
    """
    tasks: dict[tuple[int, int | None], dict[str, bytes]] = defaultdict(dict)
    for name, data in read.items():
        found = _TASK.fullmatch(name)
        if found:
            tasks[int(found["pid"]), int(found["tid"]) if found["tid"] else None][found["file"]] = data
    now_ns = _last_ran_ns(read.get("/proc/self/sched", b""))
    for (pid, _), files in tasks.items():
        stat = stat_line(files.get("stat", b""))
        if stat is None or stat.state != "D":
            continue
        ran_ns = _last_ran_ns(files.get("sched", b""))
        wchan = text(files.get("wchan", b"")).strip()
        yield BlockedTask(
            tid=stat.number,
            comm=stat.comm,
            pid=pid,
            wchan="" if wchan == "0" else wchan[:80],
            since_ns=now_ns - ran_ns if now_ns is not None and ran_ns is not None and now_ns >= ran_ns else None,
            stack=tuple(_FRAME.findall(text(files.get("stack", b""))))[:_MOST_FRAMES],
            switches=keyed_number(keyed(files.get("status", b"")), "voluntary_ctxt_switches"),
        )


def _last_ran_ns(sched: bytes) -> int | None:
    found = _LAST_RAN.search(sched)
    return int(found[1] + found[2]) if found else None
