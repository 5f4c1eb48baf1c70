"""TASKS: what each thread used so far, one instant a bundle of /proc/PID/task/TID/{comm,stat,schedstat,status}."""

import re
from collections import defaultdict
from collections.abc import Iterable

from crazytrain.decode.proc_text import StatLine, decimal, keyed, keyed_number, number, stat_line, text
from crazytrain.model.bundle import Part, unpack
from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.facts.threads import TaskReading, TaskTable

_THREAD = re.compile(
    r"(?:/?proc/(?P<pid>\d{1,10})/)?task/(?P<tid>\d{1,10})/(?P<file>comm|stat|schedstat|status|mono_ns)"
)
_HELPER = re.compile(r"/?proc/(?P<tid>\d{1,10})/(?P<file>comm|stat|schedstat|status|mono_ns)")
_USUAL_TICKS_PER_S = 100  # of every Linux on x86, for listings that do not say
_KERNEL_NAMES = re.compile(r"vhost-|kvm-|iou-")


def decode_tasks(evidence: Evidence) -> Iterable[object]:
    """Yield one ``TaskTable``; nothing where no thread can be read. A thread without a whole ``stat`` is left out.

    The bundle names each file in full (``/proc/4711/task/4712/stat``). Kernel threads on the guest's behalf are named
    as processes of their own (``/proc/4720/stat``) and count only if their flags say that they are the kernel's. The part
    ``mono_ns`` beside them is the moment at which that thread was read.
    Source: proc_pid_stat(5), proc_pid_schedstat (Documentation/scheduler/sched-stats.rst), proc_pid_status(5).
    """
    parts = {part.name: part for part in unpack(evidence.data) if part.outcome is Outcome.OK}
    files: dict[tuple[int, bool], dict[str, Part]] = defaultdict(dict)
    pids = set()
    for name, part in parts.items():
        found = _THREAD.fullmatch(name) or _HELPER.fullmatch(name)
        if found:
            inside = "task/" in name
            files[int(found["tid"]), inside][found["file"]] = part
            pids |= {int(found["pid"])} if inside and found["pid"] else set()
    tasks = tuple(task for (_, inside), own in files.items() if (task := _task(own, inside=inside)))
    if tasks:
        yield TaskTable(
            mono_ns=evidence.mono_ns,
            ticks_per_s=(number(parts["clk_tck"].data) if "clk_tck" in parts else None) or _USUAL_TICKS_PER_S,
            tasks=tasks,
            refs=(evidence.ref(),),
            pid=pids.pop() if len(pids) == 1 else None,
            host_uptime_s=_first_decimal(parts.get("/proc/uptime")),
            complete=evidence.outcome is Outcome.OK,
        )


def _first_decimal(part: Part | None) -> float | None:
    words = part.data.split() if part else []
    return decimal(words[0]) if words else None


def _task(files: dict[str, Part], *, inside: bool) -> TaskReading | None:
    stat = stat_line(files["stat"].data) if "stat" in files else None
    if stat is None or not (inside or stat.kernel_thread):
        return None
    comm = text(files["comm"].data).removesuffix("\n") if "comm" in files else stat.comm
    run_ns, delay_ns = _schedule(files.get("schedstat"))
    status = keyed(files["status"].data) if "status" in files else {}
    return TaskReading(
        tid=stat.number,
        comm=comm,
        state=stat.state,
        user_ticks=stat.user_ticks,
        system_ticks=stat.system_ticks,
        guest_ticks=stat.guest_ticks,
        start_ticks=stat.start_ticks,
        run_ns=run_ns,
        delay_ns=delay_ns,
        voluntary_switches=keyed_number(status, "voluntary_ctxt_switches"),
        involuntary_switches=keyed_number(status, "nonvoluntary_ctxt_switches"),
        kernel=_is_kernels(stat, comm),
        mono_ns=(number(files["mono_ns"].data) if "mono_ns" in files else None) or 0,
    )


def _is_kernels(stat: StatLine, comm: str) -> bool:
    """Whether the kernel made it. The bit for workers in a process had another meaning once, so the name counts too."""
    return stat.kernel_thread or (stat.kernel_worker and _KERNEL_NAMES.match(comm) is not None)


def _schedule(part: Part | None) -> tuple[int | None, int | None]:
    """Time on a CPU and time waiting for one, in ns; 0 0 0 is what a kernel without the accounting writes."""
    words = [number(word) for word in part.data.split()] if part else []
    if len(words) < 3 or words[:3] == [0, 0, 0]:
        return None, None
    return words[0], words[1]
