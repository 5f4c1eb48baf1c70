"""Backtraces and kernel stacks as people paste them: gdb, pstack, eu-stack, coredumpctl, /proc/PID/stack."""

import shutil
import subprocess
from pathlib import Path

import pytest

from crazytrain.decode.backtrace_calls import call_of
from crazytrain.decode.recognise import split
from crazytrain.model.case import Case
from crazytrain.model.evidence import Kind
from crazytrain.model.facts import ThreadRole
from crazytrain.model.facts.kernel_traces import KernelTrace
from crazytrain.model.facts.waits import KVM_RUN, Waiting, Waits
from crazytrain.model.guest import Accelerator
from crazytrain.pipeline import conclude, read
from tests import tiny
from tests.support import skip_real

DRAIN = """Thread 1 (Thread 0x7f4422e78ec0 (LWP 4711) "qemu-system-x86"):
#0  0x00007f442359f366 in __ppoll (fds=0x5617bf9457b0, nfds=8, timeout=0x0, sigmask=0x0) at ../sysdeps/unix/sysv/linux/ppoll.c:42
#1  0x000056179cea7b5e in qemu_poll_ns (fds=<optimized out>, nfds=<optimized out>, timeout=-1) at ../util/qemu-timer.c:351
#2  0x000056179ce8f2c7 in fdmon_poll_wait (ctx=0x5617be9a7c80, ready_list=0x7ffc0f0b6a70, timeout=-1) at ../util/fdmon-poll.c:79
#3  0x000056179ce8f2c7 in aio_poll (ctx=0x5617be9a7c80, blocking=blocking@entry=true) at ../util/aio-posix.c:670
#4  0x000056179cd1c1d7 in bdrv_drain_all_begin () at ../block/io.c:555
#5  0x000056179cd1c325 in qmp_transaction (dev_list=0x5617c0f5d2f0, errp=0x7ffc0f0b6b80) at ../blockdev.c:2380
#6  0x000056179cea525e in main_loop_wait (nonblocking=nonblocking@entry=0) at ../util/main-loop.c:600
#7  0x000056179cb00907 in qemu_main_loop () at ../softmmu/runstate.c:739
#8  0x000056179c933570 in main (argc=<optimized out>, argv=<optimized out>, envp=<optimized out>) at ../softmmu/main.c:50
"""
VCPU = """Thread 4 (Thread 0x7f442170c6c0 (LWP 4714) "CPU 0/KVM"):
#0  __GI___ioctl (fd=13, request=44672) at ../sysdeps/unix/sysv/linux/ioctl.c:36
#1  0x000056179cd1c1d7 in kvm_vcpu_ioctl ()
#2  0x000056179cd1c325 in kvm_cpu_exec ()
#3  0x000056179cd1d94d in ?? ()
"""
WANTS = """Thread 5 (Thread 0x7f4420f0b6c0 (LWP 4715) "CPU 1/KVM"):
#0  __lll_lock_wait (futex=futex@entry=0x5617be1a4d20 <qemu_global_mutex>, private=0) at lowlevellock.c:52
#1  0x00007f44235260a3 in __GI___pthread_mutex_lock (mutex=0x5617be1a4d20 <qemu_global_mutex>) at ../nptl/pthread_mutex_lock.c:80
#2  0x000056179ce92148 in qemu_mutex_lock_impl (mutex=0x5617be1a4d20 <qemu_global_mutex>, file=0x56 "x", line=2580) at ../util/thread.c:88
#3  0x000056179cd1c325 in qemu_mutex_lock_iothread_impl (file=<optimized out>, line=<optimized out>) at ../softmmu/cpus.c:504
#4  0x000056179cd1c399 in kvm_cpu_exec (cpu=cpu@entry=0x5617bea70980) at ../accel/kvm/kvm-all.c:2904
"""
IDLE = DRAIN.replace("#4  0x000056179cd1c1d7 in bdrv_drain_all_begin () at ../block/io.c:555\n", "").replace("aio_poll", "glib_pollfds_poll").replace(
    "#5  0x000056179cd1c325 in qmp_transaction (dev_list=0x5617c0f5d2f0, errp=0x7ffc0f0b6b80) at ../blockdev.c:2380\n", ""
).replace("fdmon_poll_wait", "os_host_main_loop_wait")  # fmt: skip


def waits(text: str) -> Waits:
    found = read(split("bt.txt", text.encode()))
    assert not found.notes
    told = found.facts.get(Waits)
    assert told is not None
    return told


def by_tid(text: str) -> dict[int, Waiting]:
    return {wait.tid: wait for wait in waits(text).threads}


def verdict(text: str) -> tuple[str, float]:
    report = conclude(Case(id="", guest=None, window=None, evidence=split("bt.txt", text.encode())))
    return report.verdict.cause, report.verdict.confidence


def test_threads_have_roles_calls_and_meanings() -> None:
    found = by_tid(f"{WANTS}\n{VCPU}\n{DRAIN}")
    assert {tid: wait.role for tid, wait in found.items()} == {
        4711: ThreadRole.MAIN_LOOP,
        4714: ThreadRole.VCPU,
        4715: ThreadRole.VCPU,
    }
    assert (found[4714].call, found[4714].request, found[4714].label) == ("ioctl", KVM_RUN, "vCPU 0")
    assert (found[4711].call, found[4711].endless) == ("ppoll", True)
    assert "drain" in found[4711].meaning
    assert "transaction" in found[4711].meaning
    assert found[4715].refs[0].line == 1


def test_who_holds_the_big_lock_is_told_by_what_it_does() -> None:
    lock = waits(f"{WANTS}\n{VCPU}\n{DRAIN}").big_lock
    assert lock is not None
    assert (lock.owner, lock.by_functions, lock.waiters) == (4711, True, (4715,))
    idle = waits(f"{WANTS}\n{VCPU}\n{IDLE}").big_lock
    assert idle is not None
    assert idle.owner == 0, "a main loop that waits for events holds nothing"


def test_a_drain_is_the_verdict_and_an_idle_loop_is_not() -> None:
    cause, confidence = verdict(f"{WANTS}\n{VCPU}\n{DRAIN}")
    assert (cause, confidence > 0.6) == ("block-drain-deadlock", True)
    assert verdict(f"{VCPU}\n{IDLE}")[0] == "unknown"


def test_an_iothread_in_its_own_loop_rests() -> None:
    iothread = """Thread 3 (Thread 0x7f4421ffe6c0 (LWP 4713) "IO io1"):
#0  0x00007f442359f366 in __ppoll (fds=0x7f44140030c0, nfds=1, timeout=<optimized out>, sigmask=0x0) at ppoll.c:42
#1  0x000056179ce8fc09 in ?? ()
#2  0x000056179ce8f2c7 in aio_poll ()
#3  0x000056179cd5cc06 in ?? ()
"""
    assert by_tid(iothread)[4713].role is ThreadRole.IOTHREAD
    assert verdict(f"{iothread}\n{VCPU}\n{IDLE}")[0] == "unknown"


def broken(text: str, width: int) -> str:
    """As a mailer breaks lines: at blanks."""
    out: list[str] = []
    for line in text.splitlines():
        rest = line
        while len(rest) > width and " " in rest[20:width]:
            at = rest.rindex(" ", 20, width)
            out.append(rest[:at])
            rest = rest[at + 1 :]
        out.append(rest)
    return "\n".join(out) + "\n"


@pytest.mark.parametrize(
    "changed",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: broken(text, 72),
        lambda text: "".join(f"> {line}\n" for line in text.splitlines()),
        lambda text: (
            f"$ gdb -p 4711 -batch -ex 'thread apply all bt'\n[New LWP 4714]\n{text}[Inferior 1 (process 4711) detached]\n"
        ),
        lambda text: text.replace("#", "  #"),
    ],
)
def test_mail_and_terminals_do_no_harm(changed: object) -> None:
    assert callable(changed)
    text = changed(f"{WANTS}\n{VCPU}\n{DRAIN}")
    assert [one.kind for one in split("bt.txt", text.encode()) if one.kind is not Kind.TEXT] == [Kind.BACKTRACE]
    found = by_tid(text)
    assert [frame.symbol for frame in found[4711].frames] == [
        *("__ppoll", "qemu_poll_ns", "fdmon_poll_wait", "aio_poll", "bdrv_drain_all_begin"),
        *("qmp_transaction", "main_loop_wait", "qemu_main_loop", "main"),
    ]
    assert found[4715].lock is not None
    assert found[4715].lock.owner == 4711


def test_other_debuggers() -> None:
    """elfutils' eu-stack, systemd's coredumpctl, and gdb without a heading."""
    eu = "PID 4711 - process\nTID 4711:\n#0  0x00007f3c22045bf6 __ppoll\n#1  0x0000555610221430 aio_poll\n#2  0x000055561019268d bdrv_drained_begin\n#3  0x000055560ff600fe main_loop_wait\nTID 4713:\n#0  0x00007f3c2204514b ioctl\n#1  0x00005555f0221430 kvm_vcpu_ioctl\n#2  0x00005555f0221530 kvm_cpu_exec\n"
    found = by_tid(eu)
    assert (found[4711].role, found[4711].call, found[4713].request) == (ThreadRole.MAIN_LOOP, "ppoll", KVM_RUN)
    core = "Stack trace of thread 4711:\n#0  0x00007f3c22045bf6 __pread64 (libc.so.6 + 0xfabf6)\n#1  0x0000555610221430 bdrv_pread (qemu-system-x86_64 + 0x430)\n#2  0x000055560ff600fe main_loop_wait (qemu-system-x86_64 + 0x10fe)\n"
    one = by_tid(core)[4711]
    assert (one.call, one.frames[0].module) == ("pread64", "libc.so.6")
    alone = "(gdb) bt\n#0  0x00007f3c22045bf6 in ppoll () from /lib64/libc.so.6\n#1  0x0000555610221430 in qemu_poll_ns ()\n#2  0x0000555610221430 in aio_poll ()\n(gdb) q\n"
    (wait,) = waits(alone).threads
    assert (wait.role, wait.tid < 0) == (ThreadRole.MAIN_LOOP, True)


def test_the_list_of_threads_shows_one_function_each() -> None:
    listed = """  Id   Target Id                                   Frame
* 1    Thread 0x7f4422e78ec0 (LWP 4711) "qemu-system-x86" 0x00007f442359f366 in __ppoll (fds=0x5617, nfds=8, timeout=0x0) at ppoll.c:42
  4    Thread 0x7f442170c6c0 (LWP 4714) "CPU 0/KVM"       __GI___ioctl (fd=13, request=44672) at ioctl.c:36
"""
    found = by_tid(listed)
    assert {tid: wait.call for tid, wait in found.items()} == {4711: "ppoll", 4714: "ioctl"}
    assert (found[4714].role, found[4714].request, found[4711].endless) == (ThreadRole.VCPU, KVM_RUN, True)
    assert by_tid(f"{listed}\n{DRAIN}")[4711].role is ThreadRole.MAIN_LOOP


def test_local_variables_of_a_full_backtrace_are_no_frames() -> None:
    full = '#0  0x00007f327994f3c1 in ppoll () at /lib64/libc.so.6\n#1  0x0000000000863302 in aio_poll (ctx=0x21044e0, blocking=blocking@entry=true) at util/aio-posix.c:629\n        node = <optimized out>\n        request = {handle = 0, from = 0, len = 0}\n        __PRETTY_FUNCTION__ = "aio_poll"\n#2  0x00000000007de5ca in nbd_client_close (bs=<optimized out>) at block/nbd.c:491\nNo locals.\n'
    (wait,) = waits(full).threads
    assert [frame.symbol for frame in wait.frames] == ["ppoll", "aio_poll", "nbd_client_close"]


@pytest.mark.parametrize(
    ("frames", "call"),
    [
        ([("__GI___poll", "(fds=0x1, nfds=2, timeout=-1)")], "poll"),
        ([("fdatasync", "")], "fdatasync"),
        ([("__libc_pread64", "(fd=12)")], "pread64"),
        ([("__internal_syscall_cancel", ""), ("__syscall_cancel", ""), ("__GI_ppoll", "")], "ppoll"),
        ([("syscall", ""), ("qemu_event_wait", "")], "futex"),
        ([("pthread_cond_wait@@GLIBC_2.3.2", "")], "futex"),
        ([("bdrv_co_preadv", "")], None),
        ([], None),
    ],
)
def test_the_innermost_function_tells_the_call(frames: list[tuple[str, str]], call: str | None) -> None:
    found = call_of(frames)
    assert (found.call if found else None) == call


def test_kernel_stacks_by_command_and_by_number() -> None:
    text = """root@node:/proc/7124/task# cat 7135/stack
[<ffffffffa02b1fa3>] clear_atomic_switch_msr+0x133/0x170 [kvm_intel]
[<ffffffffa0413aec>] __vcpu_run+0x63c/0xc30 [kvm]
[<ffffffffa03fc042>] kvm_vcpu_ioctl+0x512/0x6d0 [kvm]
[<ffffffffffffffff>] 0xffffffffffffffff
root@node:/proc/7124/task# cat 7136/stack
[<0>] rpc_wait_bit_killable+0x1e/0xb0 [sunrpc]
[<0>] nfs_file_fsync+0x30/0x1a0 [nfs]
[<0>] __x64_sys_fdatasync+0x4b/0x90
"""
    found = by_tid(text)
    assert (found[7135].role, found[7135].request) == (ThreadRole.VCPU, KVM_RUN)
    assert (found[7136].call, found[7136].state, found[7136].wchan) == ("fdatasync", "D", "rpc_wait_bit_killable")


HUNG = """[12340.000000] INFO: task qemu-system-x86:4711 blocked for more than 120 seconds.
[12345.678901] task:qemu-system-x86 state:D stack:0     pid:4711  ppid:1      flags:0x00004006
[12345.678905] Call Trace:
[12345.678907]  <TASK>
[12345.678909]  __schedule+0x2cf/0x8b0
[12345.678913]  io_schedule+0x42/0x70
[12345.678914]  ? out_of_line_wait_on_bit+0x10/0x10
[12345.678915]  rpc_wait_bit_killable+0x11/0x70 [sunrpc]
[12345.678917]  nfs_file_fsync+0x30/0x1a0 [nfs]
[12345.678919]  __x64_sys_fdatasync+0x4b/0x90
[12345.678923]  </TASK>
[12345.678925] task:bash            state:D stack:0     pid:4712  ppid:1      flags:0x00000002
[12345.678927]  do_exit+0x1/0x2
"""


def test_blocked_threads_in_the_hosts_log() -> None:
    """Those of QEMU alone; since when is known where the watch says it."""
    (wait,) = waits(HUNG).threads
    assert (wait.tid, wait.call, wait.state, wait.at_least_ns) == (4711, "fdatasync", "D", 120 * 10**9)
    assert wait.in_kernel("nfs_*")
    assert not wait.in_kernel("out_of_line*", "do_exit")
    assert verdict(HUNG)[0] == "storage-stall"
    shown = by_tid(HUNG.partition("\n")[2])[4711]
    assert (shown.at_least_ns, shown.picked) == (None, True)


def test_a_dump_in_crash() -> None:
    text = """crash> bt
PID: 0      TASK: ffffffff81610040  CPU: 0   COMMAND: "swapper/0"
    [exception RIP: native_read_tsc+2]
    RIP: ffffffff810146a9  RSP: ffff88003fc03df0  RFLAGS: 00000046
 #0 [ffff88003fc03df0] pvclock_clocksource_read at ffffffff8102cbb3
 #1 [ffff88003fc03e40] kvm_clock_read at ffffffff8102c2c9
--- <IRQ stack> ---
"""
    regions = split("bt.txt", text.encode())
    assert [one.kind for one in regions] == [Kind.KERNEL_STACK]
    trace = read(regions).facts.get(KernelTrace)
    assert trace is not None
    assert (trace.names, trace.host, trace.cpu, trace.pid) == (
        ("native_read_tsc", "pvclock_clocksource_read", "kvm_clock_read"),
        False,
        0,
        0,
    )


def kernel_stacks(pid: int) -> str:
    tasks = sorted(Path(f"/proc/{pid}/task").iterdir())
    return "".join(f"# cat {task}/stack\n{(task / 'stack').read_text()}" for task in tasks)


@pytest.mark.real
def test_a_real_gdb_and_real_kernel_stacks() -> None:
    if shutil.which("gdb") is None:
        skip_real("gdb is not installed")
    with tiny.boot(tiny.HALT, Accelerator.KVM, "-name", "tiny,debug-threads=on", "-object", "iothread,id=io1") as guest:
        argv = ("gdb", "-nx", "-p", str(guest.process), "-batch", "-ex", "thread apply all bt")
        text = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False).stdout
        tiny.until(lambda: "kvm_vcpu_halt" in kernel_stacks(guest.process), "the vCPU halts")
        stacks = kernel_stacks(guest.process)
    if "ppoll" not in text:
        skip_real("gdb cannot look into QEMU here")
    found = by_tid(text)
    main = found[guest.process]
    assert (main.role, main.call) == (ThreadRole.MAIN_LOOP, "ppoll")
    assert main.has("main_loop_wait")
    vcpu = next(wait for wait in found.values() if wait.comm == "CPU 0/KVM")
    assert (vcpu.role, vcpu.request) == (ThreadRole.VCPU, KVM_RUN)
    assert verdict(text)[0] == "unknown"
    below = by_tid(stacks)
    assert (below[guest.process].call, below[guest.process].role) == ("ppoll", ThreadRole.MAIN_LOOP)
    assert ThreadRole.VCPU in {wait.role for wait in below.values()}
