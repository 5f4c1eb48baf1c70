"""KERNEL_STACK: the kernel functions that threads are in, ``cat /proc/PID/task/TID/stack`` of one or more, as pasted."""

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.kernel_traces import KernelTrace
from crazytrain.model.facts.threads import ThreadRole
from crazytrain.model.facts.waits import KVM_RUN, ThreadWait, WaitInstant
from crazytrain.model.thread_names import role_by_name

_MOST_LINES, _MOST_FRAMES = 200_000, 64
FRAME = re.compile(rb"\[<[0-9a-fx]{1,18}>\] (?:\? )?(?:[\w.]{1,128}\+0x[0-9a-f]{1,8}/0x|0x[0-9a-f]{16}$)")
_FRAME = re.compile(
    r"\[<[0-9a-fx]{1,18}>\] (?:\? )?(?P<name>[\w.]{1,128})(?:\+0x[0-9a-f/x]{1,40}(?: \[(?P<module>\w{1,60})\])?|$)"
)
# A thread's number and name, either of them first, as people print them above each stack.
_NAME = r"(?:qemu-system-\w{1,10}|qemu-kvm|kvm|CPU \d{1,4}/KVM|IO \S{1,16}|worker|call_rcu|vhost-\d{1,9}|vnc_worker|SPICE Worker|iou-[\w-]{1,16})"
HEAD = re.compile(
    rf"[=#*> -]{{0,8}}(?:(?:TID|tid|LWP|thread|Thread|PID|pid|task)?[ :=]{{0,3}}\d{{1,9}}[ :=(\[,-]{{1,4}}(?:comm[=:] ?)?{_NAME}[)\]]?"
    rf"|{_NAME}[ (\[:/-]{{1,3}}(?:TID|tid|pid|LWP)?[ :=]{{0,2}}\d{{1,9}}[)\]]?)[ :=*-]{{0,8}}$".encode()
)
_HEAD = re.compile(
    rf"(?P<tid>(?<![\d/])\d{{1,9}}(?!/))\D{{1,12}}?(?P<name>{_NAME})|(?P<name2>{_NAME})\D{{1,8}}(?P<tid2>\d{{1,9}})"
)
# What names the thread whose stack follows: the command, a head of tail or head, a number or name of its own.
_PATH = re.compile(r"(?:/proc/)?(?:(?P<pid>\d{1,9})/)?(?:task/)?(?P<tid>\d{1,9})/stack\b")
_FOLDER = re.compile(r"/proc/(?P<pid>\d{1,9})/task/(?P<tid>\d{1,9})/?[ :=-]{0,4}$")
_NUMBER = re.compile(
    r"(?:[=#* -]{0,8})(?:TID|tid|LWP|thread|Thread|PID|pid)?[ :=]{0,3}(?P<tid>\d{1,9})\b[ :=-]{0,4}(?P<name>[^\n=]{0,40}?)[=:* -]*$"
)
_PROGRAM = re.compile(r"\(?(?:qemu-system-|qemu-kvm|kvm\b)")
# The call that a kernel function serves, the innermost first (fs/read_write.c, fs/sync.c, fs/select.c, kernel/futex/, ...).
_SERVES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), call)
    for pattern, call in (
        (r"futex_wait\w*|do_futex|futex_lock_pi\w*", "futex"),
        (r"kvm_vcpu_(?:block|halt|ioctl)|kvm_arch_vcpu_ioctl_run", "ioctl"),
        (r"do_sys_poll|do_poll\w*|poll_schedule_timeout\w*", "ppoll"),
        (r"do_select|core_sys_select", "pselect6"),
        (r"ep_poll|do_epoll_wait", "epoll_wait"),
        (r"(?:__\w+_)?(?:sys|ksys|do)_(?:pread64|preadv)\w*", "pread64"),
        (r"(?:__\w+_)?(?:sys|ksys|do)_(?:pwrite64|pwritev)\w*", "pwrite64"),
        (r"do_fsync|(?:__\w+_)?sys_f(?:data)?sync|vfs_fsync\w*", "fdatasync"),
        (r"do_sys_openat2|do_sys_open|do_filp_open", "openat"),
        (r"vfs_fallocate|ksys_fallocate", "fallocate"),
        (r"vfs_llseek|ksys_lseek", "lseek"),
        (r"ksys_read|vfs_read|SyS_read|sys_read", "read"),
        (r"ksys_write|vfs_write|SyS_write|sys_write", "write"),
        (r"__sys_recvmsg|___sys_recvmsg", "recvmsg"),
        (r"__sys_sendmsg|___sys_sendmsg", "sendmsg"),
        (r"hrtimer_nanosleep|do_nanosleep", "clock_nanosleep"),
        (r"io_cqring_wait\w*|__do_sys_io_uring_enter", "io_uring_enter"),
        (r"do_vfs_ioctl|vfs_ioctl|SyS_ioctl|(?:__\w+_)?sys_ioctl", "ioctl"),
        (r"read_events|do_io_getevents", "io_getevents"),
        (r"do_io_submit|io_submit_one|(?:__\w+_)?[sS]y[sS]_io_submit", "io_submit"),
        (r"do_unlinkat|vfs_unlink|(?:__\w+_)?[sS]y[sS]_unlink(?:at)?", "unlink"),
        (r"do_truncate|do_sys_ftruncate\w*|(?:__\w+_)?[sS]y[sS]_ftruncate", "ftruncate"),
        (r"do_fallocate|[sS]y[sS]_fallocate", "fallocate"),
        (r"[sS]y[sS]_lseek", "lseek"),
        (r"inet_stream_connect|unix_stream_connect|__sys_connect|[sS]y[sS]_connect", "connect"),
        (r"filp_close|(?:__\w+_)?[sS]y[sS]_close", "close"),
        (r"vm_munmap|__vm_munmap|(?:__\w+_)?[sS]y[sS]_munmap", "munmap"),
    )
)
_DISK_SLEEPS = re.compile(
    r"io_schedule\w*|blk_\w+|wait_on_page_\w+|folio_wait_\w+|nfs_\w+|rpc_\w+|jbd2_\w+|xfs_\w+|ext4_\w+|submit_bio_wait|rbd_\w+|"
    r"ceph_\w+|fuse_\w+|request_wait_answer|balance_dirty_pages\w*|wait_for_completion_io\w*|cifs_\w+|drbd_\w+|nbd_\w+|dm_\w+"
)
# Drivers of devices that only a guest has: a stack with one of them is of the guest's own kernel.
_IN_GUEST = re.compile(
    r"fuse_dax_\w+|virtio_fs_\w+|p9_virtio_\w+|virtblk_\w+|virtio_queue_rq|virtscsi_\w+|virtnet_\w+|virtqueue_\w+|hvc_\w+|wait_port_writable|balloon_page_\w+"
)
_VENDORS = ("kvm_intel", "kvm_amd")  # the processor's own half of KVM: only vCPUs are in it
_RUN = re.compile(r"kvm_arch_vcpu_ioctl_run|kvm_vcpu_(?:block|halt)|vcpu_enter_guest|__vcpu_run|vcpu_run")


class _Open(msgspec.Struct):
    line: int
    tid: int
    name: str = ""
    frames: list[str] = []
    runs: bool = False
    leader: bool = False


def decode_kernel_stack(evidence: Evidence) -> Iterable[object]:
    """Yield one ``WaitInstant`` of the threads whose stacks stand there; nothing without a function.

    A thread is known by what stands above its stack: the path in the command, or a number. One without gets a number below
    zero. A stack that was read while its thread ran is what was left on it. Source: proc_pid_stack(5), fs/proc/base.c. ::

        # cat /proc/7124/task/7135/stack
        [<0>] futex_wait_queue+0x60/0x90
        [<0>] __x64_sys_futex+0x7c/0x1e0
    """
    opened = [one for one in _threads(evidence) if one.frames]
    if _of_a_guest(opened):
        for one in opened:
            yield KernelTrace(
                host=False,
                sure=True,
                place=one.frames[0],
                functions=tuple(one.frames[1:]),
                refs=(evidence.ref(one.line),),
            )
        return
    _name_the_first(opened)
    threads = tuple(_wait(one, evidence.mono_ns) for one in opened)
    last = {thread.tid: thread for thread in threads}
    if last:
        yield WaitInstant(
            mono_ns=evidence.mono_ns,
            threads=tuple(last.values()),
            refs=(evidence.ref(),),
            partial=len(last) < len(_FEW),
        )


def _of_a_guest(opened: Sequence[_Open]) -> bool:
    """Whether the stacks are of a guest's tasks: a driver of a guest is in them, and no thread is QEMU's."""
    ours = any(
        one.runs or role_by_name(one.name)[0] is not ThreadRole.OTHER or _PROGRAM.match(one.name) for one in opened
    )
    return not ours and any(_IN_GUEST.fullmatch(name) for one in opened for name in one.frames)


_FEW = (ThreadRole.MAIN_LOOP, ThreadRole.VCPU, ThreadRole.RCU)  # what each QEMU has: fewer threads are not all


def _threads(evidence: Evidence) -> Iterator[_Open]:
    current = _Open(1, -1)
    unnamed = -1
    for number, raw in enumerate(evidence.data.decode("utf-8", "backslashreplace").split("\n")[:_MOST_LINES], 1):
        line = raw[:1024].strip()
        frame = _FRAME.match(line)
        if frame:
            if len(current.frames) < _MOST_FRAMES and not frame["name"].startswith("0xffff"):
                current.frames.append(frame["name"])
                current.runs |= frame["module"] in _VENDORS or bool(_RUN.fullmatch(frame["name"]))
            continue
        named = _HEAD.search(line) if HEAD.match(line.encode()) else None
        head = named or _PATH.search(line) or _FOLDER.search(line) or _NUMBER.match(line)
        if head or current.frames:
            yield current
            unnamed -= 1
            current = _named(head, number, unnamed)
    yield current


def _name_the_first(threads: Sequence[_Open]) -> None:
    """Where vCPUs have names, the thread with the program's own name and the lowest number is the first one: the main loop."""
    if any(role_by_name(one.name)[0] is ThreadRole.VCPU for one in threads):
        own = [one for one in threads if one.tid > 0 and _PROGRAM.match(one.name)]
        first = min(own, key=lambda one: one.tid, default=None)
        if first is not None and first.tid == min(one.tid for one in threads if one.tid > 0):
            first.leader = True


def _named(head: re.Match[str] | None, line: int, unnamed: int) -> _Open:
    """A thread whose number is its process's is the first one; ``/proc/PID/stack`` is the first one's."""
    groups = head.groupdict() if head else {}
    whole = head is not None and not groups.get("pid") and head[0].startswith("/proc/")
    tid = int(groups.get("tid") or groups.get("tid2") or 0)
    leader = bool(tid) and (whole or groups.get("pid") == groups.get("tid"))
    return _Open(line, tid or unnamed, (groups.get("name") or groups.get("name2") or "").strip(), leader=leader)


def call_by_functions(functions: Sequence[str]) -> str:
    """The system call that kernel functions serve, the innermost first; empty where they do not tell."""
    return next((call for name in functions for pattern, call in _SERVES if pattern.fullmatch(name)), "")


def runs_a_vcpu(functions: Sequence[str]) -> bool:
    """Whether a thread is inside KVM_RUN."""
    return any(_RUN.fullmatch(name) for name in functions)


def _wait(one: _Open, mono_ns: int) -> ThreadWait:
    call = call_by_functions(one.frames)
    asleep = any(_DISK_SLEEPS.fullmatch(name) for name in one.frames[:4])
    return ThreadWait(
        tid=one.tid,
        comm=one.name,
        mono_ns=mono_ns,
        state="D" if asleep else "",
        call="ioctl" if one.runs else call,
        arguments=(1 << 30, KVM_RUN) if one.runs else (),
        wchan=one.frames[0],
        kernel=tuple(one.frames),
        line=one.line,
        role=_role(one),
        picked=True,
    )


def _role(one: _Open) -> ThreadRole | None:
    if one.runs:
        return ThreadRole.VCPU
    if any(name in ("kthread", "ret_from_fork") for name in one.frames):
        return ThreadRole.VHOST if any(name.startswith("vhost_") for name in one.frames) else None
    if one.leader:
        return ThreadRole.MAIN_LOOP
    if any(name in ("vhost_worker", "vhost_run_work_list") for name in one.frames):
        return ThreadRole.VHOST
    named = role_by_name(one.name)[0]
    return None if named is ThreadRole.OTHER else named
