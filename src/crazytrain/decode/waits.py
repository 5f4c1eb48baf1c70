"""WAITS: what each thread waits for, one instant a bundle of /proc/PID/task/TID/{stat,wchan,syscall,sched,stack,...}."""

import re
import struct
from collections import defaultdict
from collections.abc import Iterable, Mapping

from crazytrain.decode.proc_text import keyed, number, stat_line, text
from crazytrain.decode.syscall_names import call_name
from crazytrain.model.bundle import Part, unpack
from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.facts.waits import LockWords, ThreadWait, WaitInstant

PAGE_FAULT = "page fault"
_THREAD = re.compile(
    r"/proc/\d{1,10}/task/(?P<tid>\d{1,10})/"
    r"(?P<file>comm|stat|wchan|syscall|sched|schedstat|stack|mono_ns|futex|timeout|path)"
)
_FRAME = re.compile(r"\[<\w+>\] ([^\s+/]{1,128})")
_CLOCK = re.compile(r"^(\d{1,16})\.(\d{6})$")  # ms and ns of the scheduler's clock
_MOST_FRAMES = 64
_CPU = 36  # field 39 of stat, counted behind the name
_LONGEST_S = 1_000_000_000  # a timeout of 30 years is none
_TIMED = ("ppoll", "pselect6", "epoll_pwait2", "select")
_MILLISECONDS = {"poll": 2, "epoll_wait": 3, "epoll_pwait": 3}
_MUTEX = struct.Struct("<IIiII")


def decode_waits(evidence: Evidence) -> Iterable[object]:
    """Yield one ``WaitInstant``; nothing where no thread's ``stat`` can be read.

    ``syscall`` reads ``running``, or the call's number, six arguments, stack pointer and instruction, or ``-1`` and the latter two
    where a thread sleeps outside a call. Source: proc_pid_syscall(5), proc_pid_wchan(5), proc_pid_stack(5), kernel/sched/debug.c.
    """
    files: dict[int, dict[str, Part]] = defaultdict(dict)
    around: dict[str, Part] = {}
    for part in unpack(evidence.data):
        found = _THREAD.fullmatch(part.name)
        if part.outcome is not Outcome.OK:
            continue
        if found:
            files[int(found["tid"])][found["file"]] = part
        else:
            around[part.name] = part
    machine = around["machine"].text.strip() if "machine" in around else ""
    clocks = {
        name.removesuffix("/sched"): _last_on_cpu(part) for name, part in around.items() if name.startswith("cpu")
    }
    threads = tuple(wait for tid, own in files.items() if (wait := _thread(tid, own, machine, clocks)) is not None)
    if threads:
        yield WaitInstant(mono_ns=evidence.mono_ns, threads=threads, refs=(evidence.ref(),))


def _thread(tid: int, files: Mapping[str, Part], machine: str, clocks: Mapping[str, int | None]) -> ThreadWait | None:
    stat = stat_line(files["stat"].data) if "stat" in files else None
    if stat is None:
        return None
    call, arguments = call_of(files.get("syscall"), machine)
    last_ns, now_ns = _last_on_cpu(files.get("sched")), clocks.get(_cpu(files["stat"].data))
    run_ns, runs = _schedule(files.get("schedstat"))
    timeout_ns, endless = _timeout(call, arguments, files.get("timeout"))
    return ThreadWait(
        tid=tid,
        comm=text(files["comm"].data).removesuffix("\n") if "comm" in files else stat.comm,
        mono_ns=(number(files["mono_ns"].data) if "mono_ns" in files else None) or 0,
        state=stat.state,
        wchan=_wchan(files.get("wchan")),
        call=call,
        arguments=arguments,
        asleep_ns=None if last_ns is None or now_ns is None or stat.state == "R" else max(0, now_ns - last_ns),
        runs=runs,
        run_ns=run_ns,
        kernel=_kernel(files.get("stack")),
        lock=_lock(files.get("futex")),
        timeout_ns=timeout_ns,
        endless=endless,
        path=files["path"].text if "path" in files else "",
        line=files["syscall"].line if "syscall" in files else files["stat"].line,
    )


def _cpu(stat: bytes) -> str:
    """The CPU on which a thread was last, as the clocks are named."""
    fields = stat.rpartition(b")")[2].split()
    own = number(fields[_CPU]) if len(fields) > _CPU else None
    return "" if own is None else f"cpu{own}"


def call_of(part: Part | None, machine: str) -> tuple[str, tuple[int, ...]]:
    """The call of a file ``syscall`` and its arguments; ``PAGE_FAULT`` for a sleep outside any call, empty where it runs."""
    words = part.data.split() if part else []
    if len(words) == 3 and words[0] == b"-1":
        return PAGE_FAULT, ()
    own = number(words[0]) if words else None
    if (
        own is None or len(words) != 9 or words[7:] == [b"0x0", b"0x0"]
    ):  # a kernel thread in the process has left-over registers
        return "", ()
    arguments = [_hexadecimal(word) for word in words[1:7]]
    return call_name(machine, own), tuple(value for value in arguments if value is not None)


def _hexadecimal(word: bytes) -> int | None:
    return int(word, 16) if re.fullmatch(rb"0x[0-9a-f]{1,16}", word) else None


def _last_on_cpu(part: Part | None) -> int | None:
    """When a thread was last on a CPU, in ns of the scheduler's clock."""
    fields = keyed(part.data) if part else {}
    found = _CLOCK.fullmatch(fields.get("se.exec_start", ""))
    return int(found[1]) * 1_000_000 + int(found[2]) if found else None


def _schedule(part: Part | None) -> tuple[int | None, int | None]:
    """Time on a CPU and how often it was on one; 0 0 0 is what a kernel without the accounting writes."""
    words = [number(word) for word in part.data.split()] if part else []
    return (words[0], words[2]) if len(words) >= 3 and words[:3] != [0, 0, 0] else (None, None)


def _wchan(part: Part | None) -> str:
    told = part.text.strip() if part else ""
    return "" if told == "0" else told[:128]


def _kernel(part: Part | None) -> tuple[str, ...]:
    lines = part.text.splitlines()[:_MOST_FRAMES] if part else []
    return tuple(found[1] for line in lines if (found := _FRAME.match(line)))


def _bytes_of(part: Part | None) -> bytes:
    try:
        return bytes.fromhex(part.text) if part else b""
    except ValueError:
        return b""


def _lock(part: Part | None) -> LockWords | None:
    data = _bytes_of(part)
    return LockWords(*_MUTEX.unpack_from(data)) if len(data) >= _MUTEX.size else None


def _timeout(call: str, arguments: tuple[int, ...], part: Part | None) -> tuple[int | None, bool]:
    """The limit of a wait in ns, and whether it has none."""
    if call in _MILLISECONDS and len(arguments) > _MILLISECONDS[call]:
        told = arguments[_MILLISECONDS[call]] & 0xFFFFFFFF
        return (None, True) if told >= 1 << 31 else (told * 1_000_000, False)
    if call not in _TIMED or not arguments:
        return None, False
    data = _bytes_of(part)
    if part is None:
        position = {"ppoll": 2, "pselect6": 4, "select": 4, "epoll_pwait2": 3}[call]
        return None, len(arguments) > position and arguments[position] == 0
    if len(data) < 16:
        return None, False
    seconds, rest = struct.unpack("<qq", data[:16])
    return (None, True) if seconds >= _LONGEST_S else (max(seconds, 0) * 10**9 + max(rest, 0), False)
