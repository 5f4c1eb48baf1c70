"""Signs that the causes of family healthy share."""

from crazytrain.diagnose.inside_signs import panicked_points, stuck_alarm, time_alarm
from crazytrain.diagnose.signs import (
    BURNS_FROM,
    BUSY_LOOP_FROM_PER_S,
    CALM_LOOP_TO_PER_S,
    EXITS_MATTER_FROM_PER_S,
    TICK_STORM_FROM_PER_S,
    awake,
    burning_vcpus,
    held_words,
    leaving_rate,
    loop_share,
    main_loop,
    panic_line,
    vcpu_share,
    wanted,
)
from crazytrain.diagnose.timer_signs import arm_rate, own_ticks, storms_arms, storms_ticks
from crazytrain.model.evidence import Outcome
from crazytrain.model.facts import (
    ConsoleLog,
    KvmExits,
    Loops,
    QemuState,
    ThreadActivity,
    ThreadRole,
    VcpuView,
)
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.figures import rate, share
from crazytrain.model.finding import Point

IDLE_TO = 0.10
LITTLE_TO = 0.20  # of a CPU wanted: on a loaded host an idle guest's few wakeups wait, too


LOOP_BUSY_FROM = 0.15
LOOP_WORKS_FROM = 0.05


_SERVANTS = (ThreadRole.IOTHREAD, ThreadRole.VNC, ThreadRole.SPICE, ThreadRole.MIGRATION, ThreadRole.VHOST)
AT_FAULT = ("io-error", "internal-error", "guest-panicked", "shutdown", "watchdog")


def share_point(threads: ThreadActivity, *, idle: bool) -> Point:
    """Whether the vCPUs take what an idle (or a working) guest takes. Alone it proves little: a hung guest idles, too."""
    if not threads.of(ThreadRole.VCPU):
        return Point("no thread is known to be a vCPU, so what the guest takes is not known", threads.refs, 0.2)
    used, want = vcpu_share(threads), sum(wanted(t) for t in threads.of(ThreadRole.VCPU))
    says = f"the vCPU threads took {share(used)} of a CPU"
    if want >= LITTLE_TO:
        says += f", and wanted {share(want)}"
    if (used < IDLE_TO and want < LITTLE_TO) is not idle:
        return Point(says, threads.refs, 0.05)
    return Point(says, threads.refs, 2 if threads.window_ns else 0.9)


def alarms(
    threads: ThreadActivity,
    view: VcpuView | None,
    loops: Loops | None,
    exits: KvmExits | None,
    state: QemuState | None,
) -> tuple[Point, ...]:
    """All that is seen from outside and would speak against health, as points; what is in order speaks for it a little."""
    found = [
        vcpu_alarm(threads, view),
        other_alarm(threads),
        loop_alarm(threads, loops),
        exit_alarm(exits),
        state_alarm(state),
        pit_alarm(threads),
        timer_alarm(exits, view),
    ]
    return tuple(p for p in found if p)


def servant_alarm(threads: ThreadActivity) -> Point | None:
    """Whether a thread that serves the guest never rests, although the guest does."""
    burning = [use for use in threads.threads if use.role in _SERVANTS and wanted(use) >= BURNS_FROM]
    if not burning:
        return None
    worst = max(burning, key=wanted)
    return Point(f"the thread {worst.label} wants a CPU all the time, although the guest rests", threads.refs, 0.05)


def own_alarms(console: ConsoleLog | None, inside: GuestInside | None) -> tuple[Point, ...]:
    """The same of what the guest says itself, and of what its kernel keeps in its memory."""
    found = [time_alarm(inside), stuck_alarm(inside)]
    if inside and inside.view.rebooted:
        found.append(Point("the guest was started anew during the look", inside.refs, 0.02))
    told = [panic_line(console), *(point for point in panicked_points(inside) if point.ratio > 1)]
    found += [Point(point.says, point.refs, 0.01) for point in told if point]
    return tuple(p for p in found if p)


def vcpu_alarm(threads: ThreadActivity, view: VcpuView | None) -> Point | None:
    """Whether a vCPU never rests."""
    burning = burning_vcpus(threads)
    if burning:
        return Point(f"{burning[0].label} wants a CPU all the time", threads.refs, 0.02)
    if view and awake(view):
        return Point(f"vCPU {awake(view)[0].vcpu} hardly ever halts", view.refs, 0.1)
    if view:
        least = min((v.halted_ratio for v in view.vcpus), default=0.0)
        return Point(f"each vCPU was halted in at least {share(least)} of the samples", view.refs, 3)
    return None


def other_alarm(threads: ThreadActivity) -> Point | None:
    """Whether a thread of QEMU that nobody knows never rests: what it does, no healthy guest needs."""
    burning = [use for use in threads.of(ThreadRole.OTHER) if wanted(use) >= BURNS_FROM]
    if not burning:
        return None
    worst = max(burning, key=wanted)
    says = f"thread {worst.tid} ({worst.comm}), of which nobody knows what it is for, wants a CPU all the time"
    return Point(says, threads.refs, 0.05)


def loop_alarm(threads: ThreadActivity, loops: Loops | None) -> Point | None:
    """Whether the main loop works or turns too much."""
    used = loop_share(threads)
    if used is not None and used >= LOOP_BUSY_FROM:
        return Point(f"the main loop's thread wanted {share(used)} of a CPU", threads.refs, _loop_ratio(threads, used))
    loop = loops.main if loops else None
    if loop is None or loop.turns_per_s is None or loops is None:
        return None
    says = f"the main loop turned {rate(loop.turns_per_s)}"
    if loop.turns_per_s >= BUSY_LOOP_FROM_PER_S:
        return Point(says, loops.refs, 0.1)
    return Point(says, loops.refs, 2 if loop.turns_per_s <= CALM_LOOP_TO_PER_S else 1)


def _loop_ratio(threads: ThreadActivity, used: float) -> float:
    """On a loaded host most of what it wanted may be waiting, at wakeups that were no more than on a quiet one."""
    loop = main_loop(threads)
    works = loop is not None and (loop.cpu_ratio >= LOOP_WORKS_FROM or used >= BURNS_FROM)
    return 0.02 if works else 0.5


def pit_alarm(threads: ThreadActivity) -> Point | None:
    """Whether KVM's own PIT ticks faster than any system asks for."""
    for thread in threads.of(ThreadRole.KVM_PIT):
        if (thread.switches_per_s or 0.0) >= TICK_STORM_FROM_PER_S:
            says = (
                f"the kernel thread {thread.comm} woke {rate(thread.switches_per_s or 0.0)}: its timer ticks that often"
            )
            return Point(says, threads.refs, 0.05)
    return None


def timer_alarm(exits: KvmExits | None, view: VcpuView | None) -> Point | None:
    """Whether the vCPUs' own timers are armed faster than any system ticks."""
    if exits is None or not exits.window_ns:
        return None
    vcpus = max(1, len(view.vcpus) if view else 1)
    if storms_arms(exits, vcpus):
        says = f"each vCPU armed its timer {rate(arm_rate(exits) / vcpus)}{held_words(exits)}"
        return Point(says, exits.refs, 0.05)
    ticks = own_ticks(exits)
    if ticks and storms_ticks(exits, ticks):
        says = f"local APICs took vector {ticks.vector:#x} {rate(exits.per_s(ticks.count))}{held_words(exits)}, and no device sent it"
        return Point(says, exits.refs, 0.2)
    return None


def exit_alarm(exits: KvmExits | None) -> Point | None:
    """Whether the guest leaves guest mode too often."""
    if exits is None or not exits.window_ns:
        return None
    per_s = leaving_rate(exits)
    says = f"it left guest mode {rate(per_s)} (as far as that can be traced here)"
    return Point(says, exits.refs, 0.1 if per_s >= 10 * EXITS_MATTER_FROM_PER_S else 1.2)


def state_alarm(state: QemuState | None) -> Point | None:
    """What QEMU says of itself."""
    if state is None:
        return None
    if state.status in AT_FAULT:
        return Point(f"QEMU's status is {state.status}", state.refs, 0.01)
    if state.monitor is Outcome.TIMED_OUT:
        busy = state.monitor_busy
        return Point(f"the monitor did not answer: {state.monitor_detail}", state.refs, 0.8 if busy else 0.02)
    return Point(f"QEMU says it is {state.status}", state.refs, 1.2) if state.status else None
