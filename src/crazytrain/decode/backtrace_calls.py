"""What a thread waits for, as the innermost functions of its backtrace say: the system call and its arguments."""

import re
from collections.abc import Mapping, Sequence

import msgspec

from crazytrain.model.facts.waits import KVM_RUN

Said = tuple[str, str]  # a function's name, and what the debugger printed of it

# The C library's functions that wait in a futex (nptl/lowlevellock.c, futex-internal.c, sem_waitcommon.c), and QEMU's own.
_FUTEX = re.compile(
    r"lll_lock_wait\w*|pthread_(?:mutex_(?:lock|cond_lock)\w*|cond_\w*wait\w*|join\w*|clockjoin\w*|rwlock_\w+)|\w*futex\w*wait\w*|"
    r"(?:new_)?sem_\w*wait\w*|do_futex_wait\w*|qemu_futex_wait|thread_join\w*"
)
_MUTEX = re.compile(r"lll_lock_wait\w*|pthread_mutex_lock\w*|pthread_mutex_cond_lock\w*")
# Other names of calls: as the C library has them inside, and as the kernel has them.
_OTHERWISE: Mapping[str, str] = {
    "pread": "pread64",
    "pwrite": "pwrite64",
    "open": "openat",
    "open64": "openat",
    "openat64": "openat",
    "select": "pselect6",
    "pselect": "pselect6",
    "nanosleep": "clock_nanosleep",
    "usleep": "clock_nanosleep",
    "sleep": "clock_nanosleep",
    "send": "sendto",
    "recv": "recvfrom",
    "lseek64": "lseek",
    "fallocate64": "fallocate",
    "ftruncate64": "ftruncate",
    "sigwait": "rt_sigtimedwait",
    "sigwaitinfo": "rt_sigtimedwait",
    "sigtimedwait": "rt_sigtimedwait",
    "waitpid": "wait4",
    "preadv64": "preadv",
    "pwritev64": "pwritev",
    "preadv64v2": "preadv2",
    "pwritev64v2": "pwritev2",
}
_CALLS = frozenset(
    """
    ppoll poll pselect6 select epoll_wait epoll_pwait epoll_pwait2 ioctl read write pread64 pwrite64 readv writev preadv pwritev
    preadv2 pwritev2 fsync fdatasync fallocate ftruncate lseek openat close fstat stat unlink rename connect accept accept4 sendto
    recvfrom sendmsg recvmsg clock_nanosleep rt_sigtimedwait wait4 waitid munmap mmap madvise syncfs statfs fstatfs flock fcntl
    io_getevents io_submit io_uring_enter copy_file_range getdents64 shutdown sendfile splice
    """.split()  # noqa: SIM905 - sixty quotes would hide the words
)
_PASSED_ON = re.compile(
    r"internal_syscall_cancel|syscall_cancel(?:_arch)?(?:_end)?|kernel_vsyscall|GI_|clock_nanosleep_time64"
)
_ARGUMENT = re.compile(r"(\w{1,40})=(?:\w{1,40}@entry=)?(-?\d{1,20}|0x[0-9a-f]{1,16})\b")
_NULL_TIMEOUT = re.compile(r"\b(?:timeout|__timeout)=(?:\w+@entry=)?0x0\b")
_FIRST = {"fd", "__fd", "file", "fildes", "filedes"}
_REQUEST = {"request", "__request", "cmd", "type"}
_MILLISECONDS = {"timeout", "__timeout", "timeout_ms"}
_DEEPEST = 6


class Called(msgspec.Struct, frozen=True):
    """A system call; ``arguments`` as far as they are known from the first one on."""

    call: str
    arguments: tuple[int, ...] = ()
    timeout_ns: int | None = None
    endless: bool = False


def call_of(frames: Sequence[Said]) -> Called | None:
    """The system call that a thread is in, ``None`` where its innermost functions are none of the C library's.

    >>> call_of([("ppoll", ""), ("qemu_poll_ns", "")]).call
    'ppoll'
    """
    for depth, (name, said) in enumerate(frames[:_DEEPEST]):
        plain = _bare(name)
        if plain == "syscall":
            return _by_hand(frames[depth + 1 :])
        if _FUTEX.fullmatch(plain):
            return _futex(frames[depth:])
        call = _OTHERWISE.get(plain, plain)
        if call in _CALLS:
            return _with_arguments(call, said, frames[depth + 1 :])
        if not (_PASSED_ON.match(plain) or name == "??"):
            return None
    return None


def _bare(name: str) -> str:
    plain = name.partition("@@")[0].removeprefix("__GI_").lstrip("_").removeprefix("GI___").removeprefix("libc_")
    plain = re.sub(r"^new_(?=sem_)", "", plain)
    return re.sub(r"(?:_nocancel|_time64|\.\w+)$", "", plain)


def _by_hand(callers: Sequence[Said]) -> Called:
    """``syscall(2)``: QEMU uses it for futexes (util/qemu-thread-posix.c), liburing and libaio for their own."""
    for name, _ in callers[:3]:
        if name.startswith(("io_uring", "__io_uring", "_io_uring", "fdmon_io_uring", "luring")):
            return Called("io_uring_enter")
        if name.startswith(("io_getevents", "io_submit", "laio")):
            return Called("io_getevents")
    return Called("futex", (0, 0, 0))


def _futex(frames: Sequence[Said]) -> Called:
    """A futex: of a mutex where the functions say so (the C library waits for one with the value 2), else of something else."""
    names = [_bare(name) for name, _ in frames[:_DEEPEST]]
    big = any(name.startswith(("qemu_mutex_lock_iothread", "bql_lock")) for name, _ in frames[:_DEEPEST])
    if not any(_MUTEX.fullmatch(name) for name in names):
        return Called("futex", (0, 0, 0))
    address = next((value for _, said in frames[:_DEEPEST] if (value := _address(said))), 0)
    return Called("futex", (address, 0, 2)) if address or big else Called("futex", (0, 0, 0))


def _address(said: str) -> int:
    own = dict(_ARGUMENT.findall(said))
    for name in ("futex", "mutex", "__mutex", "futex_word"):
        if own.get(name, "").startswith("0x"):
            return int(own[name], 16)
    return 0


def _with_arguments(call: str, said: str, callers: Sequence[Said]) -> Called:
    own = {name: int(value, 0) for name, value in _ARGUMENT.findall(said[:2048]) if not re.match(r"-?0\d", value)}
    fd = next((value for name, value in own.items() if name in _FIRST and 0 <= value < 1 << 30), None)
    if call == "ioctl":
        return Called(call, _ioctl(own, fd, callers))
    arguments = () if fd is None else (fd,)
    if call in ("poll", "epoll_wait", "epoll_pwait"):
        limit = next((value for name, value in own.items() if name in _MILLISECONDS), None)
        endless = limit is not None and limit < 0
        return Called(call, arguments, None if limit is None or endless else limit * 1_000_000, endless)
    return Called(call, arguments, None, bool(_NULL_TIMEOUT.search(said)))


def _ioctl(own: Mapping[str, int], fd: int | None, callers: Sequence[Said]) -> tuple[int, ...]:
    """``kvm_cpu_exec`` asks a vCPU for one thing by itself: to run (accel/kvm/kvm-all.c)."""
    request = next((value for name, value in own.items() if name in _REQUEST), None)
    names = [name for name, _ in callers[:2]]
    if request is None and names == ["kvm_vcpu_ioctl", "kvm_cpu_exec"]:
        request = KVM_RUN
    if request is None:
        return () if fd is None else (fd,)
    return (1 << 30 if fd is None else fd, request)
