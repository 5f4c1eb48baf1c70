"""BACKTRACE: the functions of QEMU's threads as debuggers print them."""

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from crazytrain.decode.backtrace_calls import Called, call_of
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.stacks import StackFrame, UserStack, UserStacks
from crazytrain.model.facts.threads import ThreadRole
from crazytrain.model.facts.waits import ThreadWait, WaitInstant
from crazytrain.model.qemu_functions import role_by_functions
from crazytrain.model.thread_names import role_by_name

_MOST_LINES, _MOST_FRAMES, _MOST_THREADS = 200_000, 128, 4096
_PIECES = 4096
_LONGEST = 4096
_LWP = r"\(?(?:LWP|process) (?P<lwp>\d{1,9})\)?"
_HEADS = (
    re.compile(
        r"\[?(?:Switching to thread|Thread) (?P<number>\d{1,6})\b[^\n(]{0,60}\((?:Thread 0x[0-9a-f]{1,16} )?"
        + _LWP
        + r"\)?"
        r'(?: ?"(?P<name>[^"\n]{1,64})")?'
    ),
    re.compile(r"\[?(?:Switching to thread|Thread) (?P<number>\d{1,6})\b[^\n]{0,80}:$"),
    re.compile(r"TID (?P<lwp>\d{1,9}):"),
    re.compile(r"Stack trace of thread (?P<lwp>\d{1,9}):"),
)
# A row of `info threads`: the thread and its innermost function; at QEMU's own gdb port the threads are the guest's CPUs.
_ROW = re.compile(
    r"\*? *(?P<number>\d{1,6}) +(?:Thread \d{1,6} \((?P<cpu>CPU#\d{1,5}) \[\w{1,9} ?\]\)|(?:Thread 0x[0-9a-f]{1,16} )?"
    + _LWP
    + r'\)?)(?: "(?P<name>[^"\n]{1,64})")? +(?P<rest>\S.*)$'
)
_FRAME = re.compile(r"#(?P<number>\d{1,4})\s+(?:(?P<ip>0x[0-9a-f]{1,16})\s+(?:in\s+)?)?(?P<rest>\S.*)?$")
_NAME = re.compile(r"(?P<name>\?\?|<signal handler called>|[\w.:~<>$@*&,]+(?: [\w:<>*&]+)?)")
_FILE = re.compile(r" from (?P<lib>\S+)|\((?P<core>\S+) \+ 0x[0-9a-f]+\)$| - (?P<eu>/\S+)")
_END = re.compile(r"\(gdb\)|\$ |Detaching from|\[Inferior|A debugging session|Quit anyway")


class Frame(msgspec.Struct, frozen=True):
    """One frame as it was printed: the name, ``??`` where it is not known, and all that stands behind it."""

    name: str
    module: str
    ip: int
    said: str


class _Open(msgspec.Struct):
    """A thread while its lines are read. ``leader``: it is the process's first thread, as far as the text tells."""

    line: int
    tid: int = 0
    name: str = ""
    leader: bool = False
    frames: list[list[str]] = []


def decode_backtrace(evidence: Evidence) -> Iterable[object]:
    """Yield ``UserStacks`` and a ``WaitInstant`` for each time that the threads were printed; nothing without frames.

    Read are gdb's ``bt``, ``bt full`` and ``thread apply all bt`` (with or without debug information, also where a mailer broke
    lines), pstack, eu-stack and ``coredumpctl info``. A thread without a number of the system gets one below zero. What each waits
    for is told by its innermost function and, with debug information, its arguments. Since when is not known. Formats: gdb's
    stack.c (print_frame) and thread.c, elfutils' src/stack.c. ::

        Thread 2 (Thread 0x7f549b93a640 (LWP 405788) "call_rcu"):
        #0  0x00007f549d0c350d in syscall () from target:/lib64/libc.so.6
        #1  0x000055a6076dce9a in qemu_event_wait ()
    """
    threads = [one for one in _threads(evidence) if one.frames][:_MOST_THREADS]
    for together in _instants(threads):
        stacks = tuple(_stack(one, evidence) for one in together)
        waits = tuple(_wait(one, stack, len(together)) for one, stack in zip(together, stacks, strict=True))
        yield UserStacks(mono_ns=evidence.mono_ns, stacks=stacks, refs=(evidence.ref(),))
        roles = {wait.role for wait in waits}
        partial = not {ThreadRole.MAIN_LOOP, ThreadRole.VCPU} <= roles
        yield WaitInstant(mono_ns=evidence.mono_ns, threads=waits, refs=(evidence.ref(),), partial=partial)


def _threads(evidence: Evidence) -> Iterator[_Open]:
    current = _Open(1)
    inside = False
    unnamed = _below_zero(evidence)
    for number, raw in enumerate(evidence.data.decode("utf-8", "backslashreplace").split("\n")[:_MOST_LINES], 1):
        line = raw[:_LONGEST].strip()
        head, frame = _head(line), _FRAME.match(line)
        row = _ROW.match(line)
        if row:
            yield current
            current, inside = _named(row, number, unnamed), True
            current.frames.append([f"#0  {row['rest']}"])
            continue
        if not head and _again(current, frame):
            current.frames = []  # gdb shows where a thread stands when it is chosen, and then its whole stack
        elif head or (frame and frame["number"] == "0" and current.frames):
            yield current
            unnamed -= 1
            current = _named(head, number, unnamed)
            inside = False
        if frame and not head:
            inside = len(current.frames) < _MOST_FRAMES
            if inside:
                current.frames.append([line])
                current.tid = current.tid or unnamed - 1
        elif inside and line and not _END.match(line):
            current.frames[-1].append(line)
        else:
            inside = False
    yield current


def _below_zero(evidence: Evidence) -> int:
    """Where the numbers of threads without one begin: not where those of another piece do, for they are other threads."""
    return -(zlib.crc32(evidence.id.encode()) % _PIECES) * _MOST_THREADS


def _again(current: _Open, frame: re.Match[str] | None) -> bool:
    """Whether the innermost frame stands here once more, with nothing but itself between."""
    if frame is None or frame["number"] != "0" or len(current.frames) != 1:
        return False
    shown = _FRAME.match(current.frames[0][0])
    return shown is not None and (shown["ip"], shown["rest"]) == (frame["ip"], frame["rest"])


def _head(line: str) -> re.Match[str] | None:
    return next((found for pattern in _HEADS if (found := pattern.match(line))), None)


def _named(head: re.Match[str] | None, line: int, unnamed: int) -> _Open:
    """gdb's thread 1 is the first of the process where it was attached to one."""
    if head is None:
        return _Open(line, unnamed - 1)
    groups = head.groupdict()
    if groups.get("cpu"):
        return _Open(line, -int(groups["number"]), groups["cpu"])
    tid = int(groups["lwp"]) if groups.get("lwp") else unnamed - 1
    return _Open(line, tid, groups.get("name") or "", groups.get("number") == "1")


def _instants(threads: Sequence[_Open]) -> Iterator[tuple[_Open, ...]]:
    """Threads that were printed together; the same thread once more begins another time."""
    together: dict[int, _Open] = {}
    for one in threads:
        if one.tid in together:
            yield tuple(together.values())
            together = {}
        together[one.tid] = one
    if together:
        yield tuple(together.values())


def _frames(one: _Open) -> tuple[Frame, ...]:
    return tuple(frame for lines in one.frames if (frame := _frame(" ".join(lines)[:_LONGEST])))


def _frame(said: str) -> Frame | None:
    found = _FRAME.match(said)
    rest = (found["rest"] or "") if found else ""
    name = _NAME.match(rest)
    if found is None or name is None:
        return None
    file = _FILE.search(rest)
    module = next((value for value in file.groups() if value), "") if file else ""
    ip = int(found["ip"], 16) if found["ip"] else 0
    return Frame(name["name"].partition("@@")[0].rstrip(","), module.removeprefix("target:"), ip, rest)


def _stack(one: _Open, evidence: Evidence) -> UserStack:
    frames = tuple(
        StackFrame(module=frame.module, offset=frame.ip, symbol="" if frame.name == "??" else _plain(frame.name))
        for frame in _frames(one)
        if frame.name != "<signal handler called>"
    )
    return UserStack(
        tid=one.tid, comm=one.name, mono_ns=evidence.mono_ns, frames=frames, refs=(evidence.ref(one.line),)
    )


def _plain(name: str) -> str:
    """A function's name without what compilers put behind it: ``.constprop.0``, ``.lto_priv.1``, ``.isra.2``."""
    return re.split(r"\.(?:constprop|isra|part|lto_priv|cold|llvm)\b", name, maxsplit=1)[0]


def _wait(one: _Open, stack: UserStack, together: int) -> ThreadWait:
    called = call_of([(frame.name, frame.said) for frame in _frames(one)]) or Called("")
    return ThreadWait(
        tid=one.tid,
        comm=one.name,
        mono_ns=stack.mono_ns,
        state="",
        call=called.call,
        arguments=called.arguments,
        timeout_ns=called.timeout_ns,
        endless=called.endless,
        line=one.line,
        role=_role(one, stack, together),
        picked=True,
    )


def _role(one: _Open, stack: UserStack, together: int) -> ThreadRole | None:
    """By functions, by name; and the first or only thread that somebody prints is the main one unless it tells another story."""
    symbols = [frame.symbol for frame in stack.frames]
    told = role_by_functions(symbols) or role_by_name(one.name)[0]
    if told is not ThreadRole.OTHER:
        return told
    if one.leader and not _started(symbols) and any(symbol.startswith(_WORK) for symbol in symbols):
        return ThreadRole.MAIN_LOOP
    own = any(symbol in _QEMUS for symbol in symbols) or "main" in symbols
    alone = together == 1 and not _started(symbols)
    return ThreadRole.MAIN_LOOP if own and (one.leader or alone or "main" in symbols) else None


# Coroutines have stacks of their own, which end in `coroutine_trampoline` (util/coroutine-ucontext.c): who runs one is not on it.
_QEMUS = frozenset(
    {"aio_poll", "qemu_poll_ns", "main_loop", "qemu_main_loop", "os_host_main_loop_wait", "coroutine_trampoline"}
)


_WORK = ("bdrv_", "blk_", "qcow2_", "raw_", "qemu_", "virtio_", "usb_host_", "vnc_", "nbd_", "job_", "qmp_")


def _started(symbols: Sequence[str]) -> bool:
    return any(symbol in ("start_thread", "qemu_thread_start", "clone", "clone3") for symbol in symbols)
