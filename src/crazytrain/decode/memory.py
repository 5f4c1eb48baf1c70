"""MEMORY: a bundle of /proc/PID/{stat,status,ksm_stat}, meminfo, vmstat and pressure. And the faults in TASKS."""

import re
from collections.abc import Iterable, Mapping

from crazytrain.decode.proc_text import keyed, keyed_number, number, stat_line, text
from crazytrain.model.bundle import unpack
from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.facts.memory import FaultTable, MemoryReading, ThreadFaults

_OWN = re.compile(r"/?proc/\d{1,10}/(stat|status|ksm_stat)")
_THREAD = re.compile(r"/?proc/\d{1,10}/task/\d{1,10}/stat")
_TOTAL = re.compile(rb"^(some|full) [^\n]{0,120}\btotal=(\d{1,20})", re.MULTILINE)
# Counters that stand for trouble, or for work done on the guests' memory.
_COUNTERS = re.compile(
    r"pgmajfault|pswpin|pswpout|allocstall_\w+|compact_stall|compact_fail|oom_kill|pgscan_direct|pgsteal_direct|pgscan_kswapd"
    r"|numa_pages_migrated|numa_hint_faults|ksm_swpin_copy|cow_ksm|thp_fault_fallback|thp_split_page|thp_collapse_alloc"
    r"|workingset_refault_anon|workingset_refault_file|zswpin|zswpout"
)


def decode_memory(evidence: Evidence) -> Iterable[object]:
    """Yield one ``MemoryReading``. What could not be read is ``None``.

    Source: proc_pid_status(5), proc_meminfo(5), proc_vmstat(5), Documentation/accounting/psi.rst, Documentation/mm/ksm.rst.
    """
    files = {part.name: part.data for part in unpack(evidence.data) if part.outcome is Outcome.OK}
    if not files:
        return
    own = {found[1]: data for name, data in files.items() if (found := _OWN.fullmatch(name))}
    status, host = keyed(own.get("status", b"")), keyed(files.get("/proc/meminfo", b""))
    stat = stat_line(own["stat"]) if "stat" in own else None
    ksm = number(files.get("/sys/kernel/mm/ksm/run", b""))
    memory, io = (_pressure(files, resource) for resource in ("memory", "io"))
    yield MemoryReading(
        mono_ns=evidence.mono_ns,
        ref=evidence.ref(),
        resident_bytes=keyed_number(status, "VmRSS", 1024),
        anonymous_bytes=keyed_number(status, "RssAnon", 1024),
        shared_bytes=keyed_number(status, "RssShmem", 1024),
        swapped_bytes=keyed_number(status, "VmSwap", 1024),
        locked_bytes=keyed_number(status, "VmLck", 1024),
        pinned_bytes=keyed_number(status, "VmPin", 1024),
        huge_tlb_bytes=keyed_number(status, "HugetlbPages", 1024),
        major_faults=stat.major_faults if stat else None,
        host_total_bytes=keyed_number(host, "MemTotal", 1024),
        host_available_bytes=keyed_number(host, "MemAvailable", 1024),
        host_swap_total_bytes=keyed_number(host, "SwapTotal", 1024),
        host_swap_free_bytes=keyed_number(host, "SwapFree", 1024),
        merged_pages=_merged(own.get("ksm_stat", b"")),
        ksm_running=None if ksm is None else ksm == 1,
        counters=tuple(_counters(files.get("/proc/vmstat", b""))),
        memory_some_ns=memory.get("some"),
        memory_full_ns=memory.get("full"),
        io_some_ns=io.get("some"),
        io_full_ns=io.get("full"),
    )


def _pressure(files: Mapping[str, bytes], resource: str) -> dict[str, int]:
    """PSI totals in ns by ``some`` and ``full``."""
    found = _TOTAL.findall(files.get(f"/proc/pressure/{resource}", b""))
    return {text(which): int(total) * 1000 for which, total in found}


def _merged(data: bytes) -> int | None:
    """Pages of the process that KSM has merged: ``ksm_merging_pages 12`` (since Linux 6.1 beside the others)."""
    for line in data.splitlines():
        words = line.split()
        if len(words) == 2 and words[0].rstrip(b":") == b"ksm_merging_pages":
            return number(words[1])
    return None


def _counters(data: bytes) -> Iterable[tuple[str, int]]:
    for line in data.splitlines():
        name, _, value = text(line).partition(" ")
        count = number(value.encode("utf-8", "replace"))
        if count is not None and _COUNTERS.fullmatch(name):
            yield name, count


def decode_faults(evidence: Evidence) -> Iterable[object]:
    """Yield one ``FaultTable`` from a bundle of TASKS: field 12 of each thread's ``stat``; nothing where none can be read."""
    parts = (part for part in unpack(evidence.data) if part.outcome is Outcome.OK and _THREAD.fullmatch(part.name))
    lines = [line for part in parts if (line := stat_line(part.data))]
    if lines:
        threads = tuple(ThreadFaults(line.number, line.comm, line.major_faults) for line in lines)
        yield FaultTable(mono_ns=evidence.mono_ns, threads=threads, ref=evidence.ref())
