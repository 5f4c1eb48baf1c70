"""IDENTITY: a bundle of /proc/PID/{stat,status,comm,cgroup,limits,exe,cmdline} and the host's boot and uptime."""

import re
from collections.abc import Iterable, Iterator, Mapping

from crazytrain.decode.command_line import config_of
from crazytrain.decode.proc_text import decimal, keyed, keyed_number, number, stat_line, text
from crazytrain.model.bundle import Part, unpack
from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.facts.process import ProcessFacts

_FILE = re.compile(r"/?proc/\d{1,10}/(stat|status|comm|cgroup|limits|exe|cmdline)")
_OPEN_FILES = re.compile(rb"^Max open files\s+(\d{1,20})\s", re.MULTILINE)
_DELETED = " (deleted)"


def decode_identity(evidence: Evidence) -> Iterable[object]:
    """Yield ``ProcessFacts`` where the bundle has a readable ``stat``, and ``QemuConfig`` where it has a command line.

    Source: proc_pid_stat(5), proc_pid_status(5), proc_pid_cmdline(5).
    """
    parts = {part.name: part for part in unpack(evidence.data) if part.outcome is Outcome.OK}
    own = {found[1]: part for name, part in parts.items() if (found := _FILE.fullmatch(name))}
    yield from _process(own, parts, evidence)
    if "cmdline" in own and own["cmdline"].data.strip(b"\0"):
        argv = text(own["cmdline"].data.rstrip(b"\0")).split("\0")
        yield config_of(argv, (evidence.ref(own["cmdline"].line),))


def _process(own: Mapping[str, Part], parts: Mapping[str, Part], evidence: Evidence) -> Iterator[ProcessFacts]:
    stat = stat_line(own["stat"].data) if "stat" in own else None
    if stat is None:
        return
    status = keyed(own["status"].data) if "status" in own else {}
    program = text(own["exe"].data).removesuffix("\n") if "exe" in own else ""
    limit = _OPEN_FILES.search(own["limits"].data) if "limits" in own else None
    yield ProcessFacts(
        pid=stat.number,
        start_ticks=stat.start_ticks,
        comm=text(own["comm"].data).removesuffix("\n") if "comm" in own else stat.comm,
        state=stat.state,
        uptime_s=_uptime_s(stat.start_ticks, parts),
        boot_id=_line(parts, "/proc/sys/kernel/random/boot_id"),
        program=program.removesuffix(_DELETED),
        replaced=program.endswith(_DELETED),
        uid=keyed_number(status, "Uid"),
        traced_by=keyed_number(status, "TracerPid") or None,
        resident_bytes=keyed_number(status, "VmRSS", 1024),
        swapped_bytes=keyed_number(status, "VmSwap", 1024),
        major_faults=stat.major_faults,
        cgroups=tuple(text(own["cgroup"].data).splitlines()) if "cgroup" in own else (),
        open_files_limit=number(limit[1]) if limit else None,
        refs=(evidence.ref(own["stat"].line),),
    )


def _uptime_s(start_ticks: int, parts: Mapping[str, Part]) -> float | None:
    words = parts["/proc/uptime"].data.split() if "/proc/uptime" in parts else []
    now_s = decimal(words[0]) if words else None
    per_s = number(parts["clk_tck"].data) if "clk_tck" in parts else None
    return None if now_s is None or not per_s else max(0.0, now_s - start_ticks / per_s)


def _line(parts: Mapping[str, Part], path: str) -> str:
    return text(parts[path].data).strip() if path in parts else ""
