"""The system calls that a process which gave up everything may still make, as a program for the kernel's seccomp filter.

Classic BPF over ``struct seccomp_data`` (number, architecture, instruction pointer, six arguments), see seccomp(2). What is
not listed is refused with ``EPERM``; what only an intruder would try ends the process.
"""

import errno
import struct
from collections.abc import Iterable, Mapping

import msgspec

_LOAD, _JUMP_EQUAL, _JUMP_ANY_BIT, _JUMP_AT_LEAST, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _THIRD_ARGUMENT_AT = 0, 4, 32
_ALLOW, _KILL = 0x7FFF_0000, 0x8000_0000
_REFUSE = 0x0005_0000 | errno.EPERM
_PROT_EXEC = 4
_X32_BIT = 0x4000_0000  # calls of the x32 ABI have the same architecture


class _Calls(msgspec.Struct, frozen=True):
    """One architecture: its audit number, calls that are allowed, that are unless they ask for code, and deadly ones."""

    audit: int
    allowed: Mapping[str, int]
    without_code: Mapping[str, int]
    deadly: Mapping[str, int]


_X86_64 = _Calls(
    audit=0xC000_003E,
    allowed={
        "read": 0,
        "write": 1,
        "close": 3,
        "fstat": 5,
        "poll": 7,
        "lseek": 8,
        "munmap": 11,
        "brk": 12,
        "rt_sigaction": 13,
        "rt_sigprocmask": 14,
        "rt_sigreturn": 15,
        "pread64": 17,
        "select": 23,
        "sched_yield": 24,
        "mremap": 25,
        "madvise": 28,
        "nanosleep": 35,
        "getpid": 39,
        "exit": 60,
        "gettimeofday": 96,
        "sigaltstack": 131,
        "gettid": 186,
        "time": 201,
        "futex": 202,
        "restart_syscall": 219,
        "clock_gettime": 228,
        "clock_getres": 229,
        "clock_nanosleep": 230,
        "exit_group": 231,
        "pselect6": 270,
        "ppoll": 271,
        "preadv": 295,
        "getrandom": 318,
    },
    without_code={"mmap": 9, "mprotect": 10},
    deadly={
        "socket": 41,
        "execve": 59,
        "ptrace": 101,
        "init_module": 175,
        "process_vm_readv": 310,
        "process_vm_writev": 311,
        "finit_module": 313,
        "bpf": 321,
        "execveat": 322,
        "pidfd_getfd": 438,
    },
)
_AARCH64 = _Calls(
    audit=0xC000_00B7,
    allowed={
        "close": 57,
        "lseek": 62,
        "read": 63,
        "write": 64,
        "pread64": 67,
        "preadv": 69,
        "pselect6": 72,
        "ppoll": 73,
        "fstat": 80,
        "exit": 93,
        "exit_group": 94,
        "futex": 98,
        "nanosleep": 101,
        "clock_gettime": 113,
        "clock_getres": 114,
        "clock_nanosleep": 115,
        "sched_yield": 124,
        "restart_syscall": 128,
        "sigaltstack": 132,
        "rt_sigaction": 134,
        "rt_sigprocmask": 135,
        "rt_sigreturn": 139,
        "gettimeofday": 169,
        "getpid": 172,
        "gettid": 178,
        "brk": 214,
        "munmap": 215,
        "mremap": 216,
        "madvise": 233,
        "getrandom": 278,
    },
    without_code={"mmap": 222, "mprotect": 226},
    deadly={
        "init_module": 105,
        "ptrace": 117,
        "socket": 198,
        "execve": 221,
        "process_vm_readv": 270,
        "process_vm_writev": 271,
        "finit_module": 273,
        "bpf": 280,
        "execveat": 281,
        "pidfd_getfd": 438,
    },
)
_MACHINES = {"x86_64": _X86_64, "aarch64": _AARCH64}


def program_for(machine: str) -> bytes | None:
    """The filter for a machine as uname names it, 8 bytes an instruction; ``None`` where its calls are not known."""
    calls = _MACHINES.get(machine)
    return b"".join(_instructions(calls)) if calls else None


def _instructions(calls: _Calls) -> Iterable[bytes]:
    yield _step(_LOAD, _ARCHITECTURE_AT)
    yield _step(_JUMP_EQUAL, calls.audit, yes=1)
    yield _step(_RETURN, _KILL)
    yield _step(_LOAD, _NUMBER_AT)
    yield from _when(_JUMP_AT_LEAST, _X32_BIT, _KILL)
    for number in calls.deadly.values():
        yield from _when(_JUMP_EQUAL, number, _KILL)
    for number in calls.without_code.values():
        yield _step(_JUMP_EQUAL, number, no=4)
        yield _step(_LOAD, _THIRD_ARGUMENT_AT)
        yield from _when(_JUMP_ANY_BIT, _PROT_EXEC, _REFUSE)
        yield _step(_RETURN, _ALLOW)
    for number in calls.allowed.values():
        yield from _when(_JUMP_EQUAL, number, _ALLOW)
    yield _step(_RETURN, _REFUSE)


def _when(jump: int, value: int, verdict: int) -> Iterable[bytes]:
    yield _step(jump, value, no=1)
    yield _step(_RETURN, verdict)


def _step(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("<HBBI", code, yes, no, value)
