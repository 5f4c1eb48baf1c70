"""Making system calls in the main thread of the lab's own QEMU, which no other process could make for it.

By ptrace and not by gdb: gdb 13 cannot call functions on CPUs with AMX (it writes back a floating-point state that is
too short for the kernel), and this needs no debugger and stops one thread only. x86-64 only.
Should we be killed meanwhile, the kernel detaches the thread.
"""

import contextlib
import ctypes
import os
import re
from collections.abc import Iterator
from pathlib import Path

from crazytrain.lab.errors import LabError
from crazytrain.lab.wait import wait_until

_GETREGS, _SETREGS, _SINGLESTEP, _DETACH, _SEIZE, _INTERRUPT = 12, 13, 9, 17, 0x4206, 0x4207
_WALL = 0x40000000
_SYSCALL_INSTRUCTION = b"\x0f\x05"
_NO_SYSCALL = (1 << 64) - 1  # orig_rax: the kernel must not restart the call that we interrupted, not yet
_MAX_ERRNO = 4095
_STOP_LIMIT_S = 10.0
_STOP_STEP_S = 0.0005
_EXECUTABLE = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) r-x", re.MULTILINE)
_NAMES = (
    "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax "
    "rip cs eflags rsp ss fs_base gs_base ds es fs gs"
)
_ARGUMENTS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")


class _Registers(ctypes.Structure):
    """``struct user_regs_struct`` of <sys/user.h>."""

    _fields_ = [(name, ctypes.c_uint64) for name in _NAMES.split()]


class Caller:
    """Makes system calls in a stopped thread. Its registers are put back after each one."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.memory = os.open(f"/proc/{pid}/mem", os.O_RDWR | os.O_CLOEXEC)
        self.registers = _Registers()
        _ptrace(_GETREGS, pid, self.registers)
        self.instruction = _find_instruction(pid, self.memory)

    def call(self, number: int, *arguments: int) -> int:
        """Make one system call there and return its result; ``OSError`` when it fails there."""
        wanted = _Registers.from_buffer_copy(self.registers)
        wanted.rax, wanted.orig_rax, wanted.rip = number, _NO_SYSCALL, self.instruction
        for name, value in zip(_ARGUMENTS, arguments, strict=False):
            setattr(wanted, name, value & _NO_SYSCALL)
        result = self._step(wanted)
        if result >= -_MAX_ERRNO and result < 0:
            raise OSError(-result, os.strerror(-result))
        return result

    def _step(self, wanted: _Registers) -> int:
        """Run the one instruction. A signal that comes between is dropped: QEMU's main thread has them by signalfd."""
        _ptrace(_SETREGS, self.pid, wanted)
        try:
            while wanted.rip == self.instruction:
                _ptrace(_SINGLESTEP, self.pid)
                _wait_for_stop(self.pid)
                _ptrace(_GETREGS, self.pid, wanted)
        finally:
            _ptrace(_SETREGS, self.pid, self.registers)
        return ctypes.c_int64(wanted.rax).value


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[Caller]:
    """Stop the main thread of a process for the length of the block; its own system call goes on afterwards.

    ``LabError`` when it may not be traced.
    """
    try:
        _ptrace(_SEIZE, pid)
    except OSError as error:
        hint = "be root or have CAP_SYS_PTRACE, and see that no debugger or strace is attached to it"
        raise LabError(f"process {pid} cannot be traced: {error.strerror}", hint) from error
    try:
        _ptrace(_INTERRUPT, pid)
        _wait_for_stop(pid)
        caller = Caller(pid)
        try:
            yield caller
        finally:
            os.close(caller.memory)
    finally:
        with contextlib.suppress(ProcessLookupError):
            _ptrace(_DETACH, pid)


def _wait_for_stop(pid: int) -> None:
    def has_stopped() -> bool:
        found, status = os.waitpid(pid, os.WNOHANG | _WALL)
        if found and not os.WIFSTOPPED(status):
            raise LabError(f"process {pid} ended while it was traced")
        return bool(found)

    if not wait_until(has_stopped, _STOP_LIMIT_S, _STOP_STEP_S):
        raise LabError(
            f"process {pid} does not stop for the tracer", "is it stuck in the kernel? see its stack in /proc"
        )


def _find_instruction(pid: int, memory: int) -> int:
    for found in _EXECUTABLE.finditer(Path(f"/proc/{pid}/maps").read_text("utf-8", "replace")):
        start, stop = int(found[1], 16), int(found[2], 16)
        with contextlib.suppress(OSError):  # [vsyscall] cannot be read
            at = os.pread(memory, stop - start, start).find(_SYSCALL_INSTRUCTION)
            if at >= 0:
                return start + at
    raise LabError(f"no system call instruction in process {pid}")


def _ptrace(request: int, pid: int, data: _Registers | None = None) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
    libc.ptrace.restype = ctypes.c_long
    if libc.ptrace(request, pid, None, ctypes.byref(data) if data is not None else None) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
