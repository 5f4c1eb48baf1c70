"""Whether a pid is still the process that was meant."""

from crazytrain.collect.look import Look
from crazytrain.host.door import Host
from crazytrain.model.evidence import Evidence, Kind, Outcome
from crazytrain.model.guest import ProcessId

_STATE, _THREADS, _START_TICKS = 0, 17, 19  # fields 3, 20 and 22 of stat, counted after the name


def stat_fields(host: Host, pid: int) -> tuple[bytes, ...]:
    """Read the fields of ``/proc/PID/stat`` behind the name (state first); empty where there is no such process."""
    try:
        fields = host.read(f"/proc/{pid}/stat", 4096).rpartition(b")")[2].split()
    except OSError:
        return ()
    return tuple(fields) if len(fields) > _START_TICKS and fields[_START_TICKS].isdigit() else ()


def start_ticks(host: Host, pid: int) -> int | None:
    """Give the start time of a process in clock ticks since boot; ``None`` where no such process runs.

    A process that has ended and only waits to be collected (a zombie without other threads) does not run.
    """
    fields = stat_fields(host, pid)
    if not fields or (fields[_STATE] in (b"Z", b"X") and fields[_THREADS] in (b"0", b"1")):
        return None
    return int(fields[_START_TICKS])


def boot_id(host: Host) -> str:
    """Give the id of this boot, empty where the kernel does not tell."""
    try:
        return host.read("/proc/sys/kernel/random/boot_id", 64).decode("ascii", "replace").strip()
    except OSError:
        return ""


def still_same(host: Host, process: ProcessId) -> bool:
    """Tell whether the process runs still: same pid, same start time, and same boot where both boots are known."""
    boot = boot_id(host) if process.boot_id else ""
    return (not boot or boot == process.boot_id) and start_ticks(host, process.pid) == process.start_ticks


def gone(look: Look, name: str, kind: Kind) -> Evidence:
    """Evidence that the guest's process ended, or that its pid is another process now."""
    host, pid = look.host, look.guest.pid
    other = start_ticks(host, pid) is not None
    return Evidence(
        id=name,
        kind=kind,
        source=f"/proc/{pid}",
        outcome=Outcome.ABSENT,
        detail=f"pid {pid} is another process now" if other else "the process has ended",
        mono_ns=host.mono_ns(),
        wall_ns=host.wall_ns(),
    )
