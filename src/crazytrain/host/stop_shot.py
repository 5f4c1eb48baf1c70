"""Stops threads of another process, one after the other, each for a moment: their registers and the top of their stacks.

It runs as a program of its own (see ``command``): the threads of crazytrain take turns, and a thread of QEMU must not stay
stopped while ours waits for its turn. It starts without the rest of crazytrain, in 20 ms. Should it be killed, the kernel lets
go of the thread that it holds, which then runs on (ptrace(2), PTRACE_SEIZE without PTRACE_O_EXITKILL). x86-64 only.
"""

import base64
import contextlib
import ctypes
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

# For the thread to come to a stop, which on a loaded host it does once it gets a CPU: until then it loses nothing by us.
LONGEST_NS = 50_000_000
STACK_BYTES = 32 << 10
_GETREGS, _DETACH, _SEIZE, _INTERRUPT = 12, 17, 0x4206, 0x4207
_WALL = 0x40000000
_NAMES = (
    *(
        "r15",
        "r14",
        "r13",
        "r12",
        "rbp",
        "rbx",
        "r11",
        "r10",
        "r9",
        "r8",
        "rax",
        "rcx",
        "rdx",
        "rsi",
        "rdi",
        "orig_rax",
    ),
    *("rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs", "gs"),
)
_KEPT = ("rip", "rsp", "rbp", "rbx", "r12", "r13", "r14", "r15")  # what a function must give back


class Shot(NamedTuple):
    """One thread: ``registers`` by name, the words above ``rsp``; or ``why`` there is nothing.

    ``stopped_ns`` is for how long it was stopped at most: from when it was asked to stop until it was let go.
    """

    tid: int
    mono_ns: int = 0
    stopped_ns: int = 0
    registers: Mapping[str, int] = MappingProxyType({})
    stack: bytes = b""
    why: str = ""


def command(
    pid: int, start_ticks: int, tids: Sequence[int], longest_ns: int = LONGEST_NS, stack_bytes: int = STACK_BYTES
) -> tuple[str, ...]:
    """The command that stops these threads of one process, each for ``longest_ns`` at most."""
    numbers = (pid, start_ticks, longest_ns, stack_bytes, *tids)
    return (sys.executable, "-I", "-S", __file__, *map(str, numbers))


def shots_of(printed: bytes) -> tuple[Shot, ...]:
    """Read what the command printed; a line of another form is passed over."""
    return tuple(_shots(printed))


def _shots(printed: bytes) -> Iterator[Shot]:
    for line in printed.splitlines():
        with contextlib.suppress(ValueError, TypeError):
            told = json.loads(line)
            yield Shot(**{**told, "stack": base64.b64decode(told.get("stack", ""), validate=True)})


class Late(Exception):
    """The thread did not stop in time."""


class _Registers(ctypes.Structure):
    """``struct user_regs_struct`` of <sys/user.h>."""

    _fields_ = [(name, ctypes.c_uint64) for name in _NAMES]


def _ptrace(request: int, tid: int, data: object = None) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    libc.ptrace.restype = ctypes.c_long
    if libc.ptrace(request, tid, None, data) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@contextlib.contextmanager
def stopped(tid: int, longest_ns: int) -> Iterator[None]:
    """Hold a thread for the length of the block.

    Raises:
        OSError: it may not be traced, or it is gone.
        Late: it does not stop. It is still seized then, and only the end of this program lets go of it.
    """
    _ptrace(_SEIZE, tid)
    _ptrace(_INTERRUPT, tid)
    passed_on = _wait_for_stop(tid, longest_ns)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):  # it was killed meanwhile
            _ptrace(_DETACH, tid, passed_on)


def _wait_for_stop(tid: int, longest_ns: int) -> int:
    """Wait, and return the signal that it is to get when it goes on: one may have come just before it stopped."""

    def late(_number: int, _frame: object) -> None:
        raise Late

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, max(longest_ns / 1e9, 1e-6))
    try:
        _, status = os.waitpid(tid, _WALL)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    if not os.WIFSTOPPED(status):
        raise ProcessLookupError(3, "it ended")
    return 0 if status >> 16 else os.WSTOPSIG(status)


def _shoot(tid: int, memory: int, longest_ns: int, stack_bytes: int) -> Shot:
    registers, mono_ns = _Registers(), time.monotonic_ns()
    with stopped(tid, longest_ns):
        _ptrace(_GETREGS, tid, ctypes.byref(registers))
        stack = os.pread(memory, stack_bytes, registers.rsp)
    took_ns = time.monotonic_ns() - mono_ns
    kept = {name: getattr(registers, name) for name in _KEPT}
    return Shot(tid, mono_ns, took_ns, kept, stack[: len(stack) // 8 * 8])


def _one(pid: int, start_ticks: int, tid: int, limits: tuple[int, int]) -> Shot:
    if not os.path.exists(f"/proc/{pid}/task/{tid}"):  # noqa: PTH110 - pathlib takes 10 ms to import
        return Shot(tid, why="it is no thread of the process")
    try:
        if _start_ticks(pid) != start_ticks:
            return Shot(tid, why="it is another process now")
        memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return _shoot(tid, memory, *limits)
        finally:
            os.close(memory)
    except OSError as error:
        return Shot(tid, why=error.strerror or "it ended")


def _start_ticks(pid: int) -> int:
    with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - as above
        return int(file.read(4096).rpartition(b") ")[2].split()[19])


def _tell(shot: Shot) -> None:
    told = {**shot._asdict(), "stack": base64.b64encode(shot.stack).decode()}
    print(json.dumps({name: value for name, value in told.items() if value}), flush=True)


def main(words: Sequence[str]) -> None:
    """Print a line of JSON for each thread, as ``shots_of`` reads it."""
    pid, start_ticks, longest_ns, stack_bytes, *tids = map(int, words)
    if platform.machine() != "x86_64":
        for tid in tids:
            _tell(Shot(tid, why="registers are understood on x86-64 only"))
        return
    with contextlib.suppress(OSError):  # else the thread that we hold waits while we wait for a CPU
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    for tid in tids:
        begin_ns = time.monotonic_ns()
        try:
            _tell(_one(pid, start_ticks, tid, (longest_ns, stack_bytes)))
        except Late:
            took_ns = time.monotonic_ns() - begin_ns
            _tell(Shot(tid, begin_ns, took_ns, why=f"it did not stop within {longest_ns / 1e6:g} ms and was let go"))
            return  # one that is seized and runs cannot be let go in another way than by our end


if __name__ == "__main__":
    main(sys.argv[1:])
