"""A short strace of the main loop and the iothreads, for the lines that a person wants to read.

It stops a thread twice at each system call, so it is short, ends itself when there are enough lines, and never touches a
vCPU's thread. Counting is done elsewhere, in the kernel.
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from crazytrain.collect.look import Collector, Look
from crazytrain.collect.same import gone, stat_fields, still_same
from crazytrain.host.door import Finished, Host
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome

_NAME = "strace"
_LONGEST_S = 0.25
_PART_OF_WINDOW = 0.25
_TIMEOUT_S = 5.0
_MOST_LINES = 400
_LIMIT_BYTES = 48 << 10
_MOST_IOTHREADS = 8
_THREADS_LOOKED_AT = 512
_OUTPUT_TO_STDOUT = ("sh", "-c", 'exec strace "$@" 2>&1', "sh")  # as one text in order; sh becomes strace
_OPTIONS = ("-ttt", "-T")  # its notes on attaching stay: with a single thread they alone name it
_STALL_A_LINE_NS = 15_000  # two stops: 12 to 15 µs measured with dd on an idle host, by the time that dd did not run
_REFUSED = ("Operation not permitted", "Permission denied")
_NOTE = b"strace: "


async def collect_strace_burst(look: Look) -> None:
    """Keep ``strace``: the lines of a burst in the middle of the window, or why there was none."""
    if look.light:
        return
    host = look.host
    if host.which("strace") is None:
        look.keep(_none(look, Outcome.NO_TOOL, "strace is not installed: apt-get install strace"))
        return
    await host.sleep_until(look.start_ns + (look.end_ns - look.start_ns) // 2 - int(_length_s(look) * 5e8))
    if not still_same(host, look.guest.process):
        look.keep(gone(look, _NAME, Kind.STRACE))
        return
    tids = loop_threads(host, look.guest.pid)
    if why := hands_off(host, look.guest.pid, tids):
        look.keep(_none(look, Outcome.ABSENT, why))
        return
    longest_ns = int(_length_s(look) * 1e9)
    if why := look.may_stop(tids, longest_ns):
        look.keep(_none(look, Outcome.ABSENT, why))
        return
    seen = await _burst(look, tids)
    look.stopped(tids, longest_ns, longest_ns if seen.stall_ns is None else seen.stall_ns)
    look.keep(seen)


def _length_s(look: Look) -> float:
    return min(_LONGEST_S, look.window_s * _PART_OF_WINDOW)


def loop_threads(host: Host, pid: int) -> tuple[int, ...]:
    """Give the main loop's thread and those of iothreads (named ``IO ...``), the main loop first; never a vCPU's."""
    return (pid, *named_threads(host, pid, lambda comm: comm.startswith("IO "))[:_MOST_IOTHREADS])


def named_threads(host: Host, pid: int, wanted: Callable[[str], bool]) -> tuple[int, ...]:
    """Give the threads whose name fits, without the main loop's."""
    others = _other_threads(host, pid)
    return tuple(tid for tid in others if wanted(_text(host, f"/proc/{pid}/task/{tid}/comm").removesuffix("\n")))


def _other_threads(host: Host, pid: int) -> Iterator[int]:
    try:
        names = host.names(f"/proc/{pid}/task")
    except OSError:
        return
    yield from (int(name) for name in names[:_THREADS_LOOKED_AT] if name.isdigit() and int(name) != pid)


def _text(host: Host, path: str) -> str:
    try:
        return host.read(path, 8192).decode("utf-8", "backslashreplace")
    except OSError:
        return ""


def tracer_of(host: Host, pid: int, tids: Sequence[int]) -> int:
    """Give the pid of whoever traces one of these threads; 0 where nobody does."""
    for tid in tids:
        for line in _text(host, f"/proc/{pid}/task/{tid}/status").splitlines():
            name, _, value = line.partition(":")
            if name == "TracerPid" and value.strip().isdigit() and int(value):
                return int(value)
    return 0


def hands_off(host: Host, pid: int, tids: Sequence[int]) -> str:
    """Say why this process must not be traced now; empty where it may."""
    if tracer := tracer_of(host, pid, tids):
        return f"already traced by {tracer} ({_text(host, f'/proc/{tracer}/comm').strip() or 'unknown'})"
    state = stat_fields(host, pid)[:1]
    return "the process is stopped" if state and state[0] in (b"T", b"t") else ""


async def _burst(look: Look, tids: Sequence[int]) -> Evidence:
    host = look.host
    mono_ns, wall_ns = host.mono_ns(), host.wall_ns()
    threads = [word for tid in tids for word in ("-p", str(tid))]
    told = await host.run(
        (*_OUTPUT_TO_STDOUT, *_OPTIONS, *threads),
        timeout_s=_TIMEOUT_S,
        limit_bytes=_LIMIT_BYTES,
        interrupt_after_s=_length_s(look),
    )
    data = _whole_lines(told.stdout)
    outcome, detail = _judged(host, told, data)
    if holder := tracer_of(host, look.guest.pid, tids):
        detail = f"{detail}; it is still traced by {holder}".removeprefix("; ")
    return msgspec.structs.replace(
        _none(look, outcome, detail),
        source=f"strace {' '.join((*_OPTIONS, *threads))}",
        data=data if outcome in (Outcome.OK, Outcome.TRUNCATED) else b"",
        mono_ns=mono_ns,
        wall_ns=wall_ns,
        took_ns=told.took_ns,
        cpu_ns=told.cpu_ns,
        stall_ns=_calls(data) * _STALL_A_LINE_NS if outcome is Outcome.OK else None,
    )


def _whole_lines(text: bytes) -> bytes:
    """The first lines; one that was cut off is no line."""
    lines = text.splitlines(keepends=True)[:_MOST_LINES]
    return b"".join(line for line in lines if line.endswith(b"\n"))


def _calls(data: bytes) -> int:
    return sum(1 for line in data.splitlines() if not line.startswith(_NOTE))


def _judged(host: Host, told: Finished, data: bytes) -> tuple[Outcome, str]:
    """Say how the burst ended. To be cut by time or by lines is what it is meant for."""
    said = data.decode("utf-8", "backslashreplace")
    notes = [line for line in said.splitlines() if line.startswith(_NOTE.decode())]
    if " attached" not in said:
        if any(word in said for word in _REFUSED):
            return Outcome.DENIED, f"{notes[-1] if notes else 'strace was refused'}{_lock(host)}"
        return (Outcome.BROKE if told.outcome is Outcome.OK else told.outcome), (notes or [told.detail])[-1]
    if told.outcome is Outcome.TIMED_OUT:
        return Outcome.TRUNCATED, f"strace did not end by itself within {_TIMEOUT_S:g} s and was killed"
    calls = _calls(data)
    stall = f"stopped for about {calls * _STALL_A_LINE_NS / 1e6:.1f} ms in all"
    return Outcome.OK, f"{stall} (estimated: {calls} lines at {_STALL_A_LINE_NS // 1000} µs, as on an idle host)"


def _lock(host: Host) -> str:
    scope = _text(host, "/proc/sys/kernel/yama/ptrace_scope").strip()
    if host.may("CAP_SYS_PTRACE"):
        return f" (kernel.yama.ptrace_scope={scope})" if scope == "3" else ""
    limit = f"; kernel.yama.ptrace_scope={scope} allows it to root only" if scope not in ("", "0") else ""
    return f"{limit}: run it as root or with CAP_SYS_PTRACE"


def _none(look: Look, outcome: Outcome, detail: str) -> Evidence:
    """Evidence that there was no burst."""
    host = look.host
    return Evidence(
        id=_NAME,
        kind=Kind.STRACE,
        source=f"strace -p {look.guest.pid}",
        outcome=outcome,
        detail=detail,
        mono_ns=host.mono_ns(),
        wall_ns=host.wall_ns(),
        cost=Cost.STOPS,
    )


COLLECTOR = Collector(
    name=_NAME, cost=Cost.STOPS, timeout_s=_TIMEOUT_S + 2, limit_bytes=_LIMIT_BYTES, run=collect_strace_burst
)
