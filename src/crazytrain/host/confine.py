"""Giving up every privilege, by the process itself: what parses a hostile guest's memory keeps nothing to do harm with."""

import ctypes
import errno
import os
import resource
import signal
from collections.abc import Sequence

import msgspec

from crazytrain.host import syscall_filter

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP = 1, 4, 22
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 24, 38, 47, 4
_SECCOMP_MODE_FILTER = 2
_CAPABILITY_VERSION_3 = 0x20080522
_MOST_CAPABILITIES = 64
_NOBODY = 65534  # the kernel's overflow id: it owns nothing


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the process may use: memory, CPU seconds in all, and the size of the one file that it may fill."""

    memory_bytes: int = 3 << 29
    cpu_s: int = 1800
    file_bytes: int = 16 << 20


def give_up(keep: Sequence[int], parent: int, limits: Limits) -> tuple[str, ...]:
    """Keep these descriptors and nothing else: no file, network, process, privilege. There is no way back.

    All that is to be imported must be before. Ends the process at once where ``parent`` is not its parent any more.
    Returns what this kernel could not take away, in words, empty where all went. Raises ``OSError`` where giving up what
    must be given up fails.
    """
    _close_others(keep)
    notes = _become_nobody()
    _die_with(parent)  # after the change of user, which forgets it
    _limit(limits, max(keep) + 1)
    _no_capabilities()
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    return (*notes, *_filter_syscalls())


def become_nobody(parent: int) -> tuple[str, ...]:
    """Give up user, capabilities and the way back to them, and keep files and terminal: for a prompt that a person drives.

    Ends the process where ``parent`` is not its parent any more. Returns what could not be given up, in words.
    """
    notes = _become_nobody()
    _die_with(parent)
    _no_capabilities()
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    return notes


def _close_others(keep: Sequence[int]) -> None:
    """Close all descriptors that were inherited and are not meant."""
    low = 0
    for fd in sorted(set(keep)):
        if low < fd:  # an empty range may be taken for all of them
            os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, os.sysconf("SC_OPEN_MAX"))


def _become_nobody() -> tuple[str, ...]:
    if os.geteuid() != 0 and os.getuid() != 0:
        return ()
    try:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        _drop_bounding()  # while root may
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    except OSError as error:  # a user namespace that has no such user, or a root that may not change it
        return (f"it could not become another user: {error.strerror}",)
    return ()


def _drop_bounding() -> None:
    for capability in range(_MOST_CAPABILITIES):
        if _libc().prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:  # EINVAL: the kernel has no more of them
            return


def _die_with(parent: int) -> None:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we could ask
        os._exit(1)


def _limit(limits: Limits, descriptors: int) -> None:
    wanted = {
        resource.RLIMIT_AS: limits.memory_bytes,
        resource.RLIMIT_CPU: limits.cpu_s,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NOFILE: descriptors,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (most, most))


def _no_capabilities() -> None:
    """Empty the ambient, effective, permitted and inheritable sets."""
    _libc().prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)  # EINVAL before Linux 4.3, which has none
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if _libc().capset(header, nothing) != 0:
        raise _error("capset")


def _filter_syscalls() -> tuple[str, ...]:
    program = syscall_filter.program_for(os.uname().machine)
    if program is None:
        return (f"system calls are not filtered: there is no list of them for {os.uname().machine}",)
    instructions = ctypes.create_string_buffer(program, len(program))
    header = _Program(len(program) // 8, ctypes.cast(instructions, ctypes.c_void_p))
    if _libc().prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(header), 0, 0) == 0:
        return ()
    if ctypes.get_errno() in (errno.EINVAL, errno.ENOSYS):
        return ("system calls are not filtered: this kernel has no seccomp filters",)
    raise _error("prctl(PR_SET_SECCOMP)")


class _Program(ctypes.Structure):
    """``struct sock_fprog``: how many instructions, and where they are."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> None:
    if _libc().prctl(option, value, 0, 0, 0) != 0:
        raise _error(f"prctl({option})")


def _error(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{what}: {os.strerror(number)}")
