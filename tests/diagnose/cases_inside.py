"""Causes that look inside the guest: facts that hit, and a near miss that must not."""

import msgspec

from crazytrain.model.facts import ConsoleLog, LineMeaning
from crazytrain.model.facts.devices import VirtQueues, VirtQueueUse
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.inside import (
    ClockReading,
    CpuTimes,
    FoundBy,
    GuestCpu,
    GuestFrame,
    GuestKernel,
    InsideReading,
    LockWait,
    Mode,
)
from crazytrain.model.facts.inside_view import (
    Clock,
    CpuShare,
    FunctionShare,
    InsideView,
    LockHeld,
    Pace,
    Share,
    StuckTask,
    TaskShare,
    TimeProgress,
)
from tests.diagnose import making as m

KERNEL = GuestKernel(system="Linux", banner="Linux version 6.1.0", found_by=FoundBy.PAGE_TABLE, symbols=90_000)
UPTIME_NS = 3600 * 10**9


def part(ratio: float, samples: int = 200) -> Share:
    return Share(seen=int(ratio * samples), samples=samples, low=max(0.0, ratio - 0.06), high=min(1.0, ratio + 0.06))


def function(name: str, ratio: float = 0.97) -> FunctionShare:
    return FunctionShare(name=name, mode=Mode.KERNEL, share=part(ratio))


def times(steal_s: float = 0.0) -> CpuTimes:
    return CpuTimes(
        user=10**10, nice=0, system=10**9, softirq=0, irq=0, idle=10**12, iowait=0, steal=int(steal_s * 1e9)
    )


def time(pace: Pace, clock: Clock = Clock.JIFFIES) -> TimeProgress:
    return TimeProgress(clock=clock, pace=pace, host_ns=m.WINDOW_NS)


def inside(
    view: InsideView | None = None,
    *,
    clocksource: str = "kvm-clock",
    steal_s: float = 0.0,
    panicked: bool = False,
    unstable: bool | None = False,
) -> GuestInside:
    clock = ClockReading(mono_ns=1, wall_ns=1, clocksource=clocksource, tsc_unstable=unstable)
    last = InsideReading(
        mono_ns=1,
        took_ns=1,
        kernel=KERNEL,
        clock=clock,
        cpus=(GuestCpu(cpu=0, times=times(steal_s)),),
        panicked=panicked,
    )
    return GuestInside(last=last, view=view or InsideView(window_ns=m.WINDOW_NS), refs=m.REFS)


def seen(**fields: object) -> InsideView:
    return msgspec.structs.replace(InsideView(window_ns=m.WINDOW_NS, uptime_ns=UPTIME_NS), **fields)


def frames(*names: str) -> tuple[GuestFrame, ...]:
    return tuple(GuestFrame(name, 16, 0xFFFFFFFF81000000) for name in names)


HUNG = StuckTask(
    pid=312,
    comm="jbd2/vda1-8",
    all_window=True,
    stack=frames("__schedule", "schedule", "io_schedule", "bit_wait_io", "jbd2_journal_commit_transaction"),
    stack_whole=True,
)
PASSING = msgspec.structs.replace(HUNG, all_window=False)
LOCK = LockHeld(
    wait=LockWait(kind="spinlock", cpu=0, function="native_queued_spin_lock_slowpath", lock_name="tasklist_lock"),
    all_window=True,
)


def queues(in_use: int) -> VirtQueues:
    one = VirtQueueUse(
        device="virtio-blk", queue=0, size=256, taken_per_s=0.0, used_per_s=0.0, in_use=in_use, stuck=in_use > 0
    )
    return VirtQueues(window_ns=m.WINDOW_NS, queues=(one,), refs=m.REFS)


def stolen(ratio: float) -> InsideView:
    return seen(cpus=(CpuShare(cpu=0, user=0.0, steal=ratio),))


HUNG_LINE = (LineMeaning.HUNG_TASK, "INFO: task jbd2/vda1-8:312 blocked for more than 120 seconds.")

CASES: dict[str, tuple[tuple[object, ...], tuple[object, ...]]] = {
    "guest-hard-lockup": (
        (
            m.threads(vcpu=1.0),
            m.view(places=1, off=1.0),
            inside(seen(time=(time(Pace.STANDS),), cpus=(CpuShare(cpu=0, functions=(function("__do_sys_getpgid"),)),))),
        ),
        (m.threads(vcpu=1.0), m.view(places=1, off=0.0), inside(seen(time=(time(Pace.MOVES),)))),
    ),
    "guest-spinlock": (
        (
            m.threads(vcpu=1.0),
            m.view(places=2),
            inside(seen(functions=(function("native_queued_spin_lock_slowpath"),), locks=(LOCK,))),
        ),
        (
            m.threads(vcpu=1.0),
            m.view(places=30),
            inside(seen(functions=(function("copy_page", 0.6), function("native_queued_spin_lock_slowpath", 0.04)))),
        ),
    ),
    "guest-hung-io": ((inside(seen(stuck=(HUNG,))), m.console(HUNG_LINE)), (inside(seen(stuck=(PASSING,))),)),
    "guest-lost-interrupt": (
        (inside(seen(stuck=(HUNG,))), m.threads(), queues(0), m.view(halted=1.0)),
        (inside(seen(stuck=(HUNG,))), m.threads(), queues(3), m.view(halted=1.0)),
    ),
    "steal-time-overflow": (
        (inside(stolen(0.99), steal_s=10**9), m.threads(vcpu=0.02)),
        (inside(stolen(0.6), steal_s=900), m.threads(vcpu=0.4, delay=0.6)),
    ),
}


def running(name: str, ratio: float, *, kernel_thread: bool = False) -> GuestInside:
    task = TaskShare(pid=71, comm=name, seen=part(ratio), kernel_thread=kernel_thread)
    return inside(seen(tasks=(task,), cpus=(CpuShare(cpu=0),), time=(time(Pace.MOVES),)))


NO_WORDS = ConsoleLog(lines=300, matter=(), after_last=0, refs=m.REFS)
