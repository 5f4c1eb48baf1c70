"""Signs that several causes share: small readings of facts, with their points.

Thresholds stand here once. A guest on a loaded host gets less CPU than it wants, so what a vCPU *wants* (time on a
CPU plus time waiting for one) decides whether it burns, never what it got.
"""

from crazytrain.model.evidence import Ref
from crazytrain.model.facts import (
    ConsoleLine,
    ConsoleLog,
    CpuMode,
    KvmExits,
    LineMeaning,
    LoopActivity,
    PortUse,
    ThreadActivity,
    ThreadRole,
    ThreadUse,
    VcpuActivity,
    VcpuView,
)
from crazytrain.model.figures import rate, share
from crazytrain.model.finding import Point

BURNS_FROM = 0.85  # of one CPU wanted: a thread that hardly ever waits
FAIR_WAITS = 4.0  # times of what it got: who wants to run beside four others on one CPU waits that long
QUIET_TO = 0.10  # of one CPU: next to nothing
AWAKE_HALTED_TO = 0.05  # of the samples halted: a vCPU that hardly ever idles
BUSY_LOOP_FROM_PER_S = 900.0  # main-loop turns that no healthy guest without fast timers needs
CALM_LOOP_TO_PER_S = 300.0
EXITS_MATTER_FROM_PER_S = 2000.0
EXIT_STORM_FROM_PER_S = 3000.0  # exits to one port, page or register: no device needs that many
HALTS_FROM_PER_S = 5.0
STARVED_TIMES = 5.0  # at most: how much faster a poll would go on a host with nothing else to do
HELD_MATTERS_FROM = 0.2
TICK_STORM_FROM_PER_S = 900.0  # ticks of one timer: more than any guest's HZ, hypervisor timers apart
FRESH_S = 300.0  # a line that is older says nothing of now
FRESH_LINES = 60

PM_TIMER_PORTS = (0x608, 0xB008, 0x408)  # ACPI PM timer: i440fx and q35 with SeaBIOS or OVMF, older QEMU, real boards
RTC_PORTS = (0x70, 0x71)
PIT_PORTS = (0x40, 0x41, 0x42, 0x43, 0x61)


def wanted(thread: ThreadUse) -> float:
    """The share of one CPU that a thread wants: what it got, and what it waited for.

    A thread that sleeps in between waits on a loaded host at each wakeup, however little it does then: of its waiting
    counts no more than a fair scheduler makes one wait who wants to run all that time.
    """
    delay = thread.delay_ratio or 0.0
    in_all = thread.cpu_ratio + delay
    if in_all >= BURNS_FROM:
        return in_all
    return thread.cpu_ratio + min(delay, FAIR_WAITS * thread.cpu_ratio)


def burning_vcpus(threads: ThreadActivity | None) -> tuple[ThreadUse, ...]:
    """VCPU threads that want a CPU all the time."""
    return tuple(t for t in threads.of(ThreadRole.VCPU) if wanted(t) >= BURNS_FROM) if threads else ()


def vcpu_share(threads: ThreadActivity) -> float:
    """The CPU share of all vCPU threads."""
    return threads.cpu_ratio(ThreadRole.VCPU)


def main_loop(threads: ThreadActivity) -> ThreadUse | None:
    """The main loop's thread."""
    return next(iter(threads.of(ThreadRole.MAIN_LOOP)), None)


def loop_share(threads: ThreadActivity | None) -> float | None:
    """The share of one CPU that the main loop wants; ``None`` where it was not seen."""
    loop = main_loop(threads) if threads else None
    return None if loop is None else wanted(loop)


def awake(view: VcpuView | None) -> tuple[VcpuActivity, ...]:
    """VCPUs that hardly ever halt."""
    return tuple(v for v in view.vcpus if v.halted_ratio <= AWAKE_HALTED_TO) if view else ()


def runs_os(view: VcpuView) -> bool:
    """Whether a vCPU runs an operating system (or a 32-bit program of a 64-bit one): out of real mode, at many places."""
    system = (CpuMode.LONG, CpuMode.PROTECTED, CpuMode.COMPAT)
    return any(v.mode in system and v.places > 8 for v in view.vcpus)


def burn_point(threads: ThreadActivity) -> Point:
    """Whether a vCPU burns, as a point for causes that say it does."""
    burning = burning_vcpus(threads)
    if burning:
        worst = max(burning, key=wanted)
        delay = worst.delay_ratio or 0.0
        waits = f" and waited for a CPU {share(delay)} of the time" if delay >= 0.05 else ""
        return Point(
            f"{worst.label} (thread {worst.tid}) took {share(worst.cpu_ratio)} of a CPU{waits}", threads.refs, 5
        )
    return Point(f"the vCPU threads together took only {share(vcpu_share(threads))} of a CPU", threads.refs, 0.05)


def loop_rate_point(loop: LoopActivity, refs: tuple[Ref, ...]) -> Point | None:
    """How often the main loop turns, as a point for causes that keep it busy; ``None`` where no rate is known."""
    if loop.turns_per_s is None:
        return None
    says = f"the main loop turned {rate(loop.turns_per_s)} ({loop.call})"
    if loop.turns_per_s >= BUSY_LOOP_FROM_PER_S:
        return Point(says, refs, 6)
    return Point(says, refs, 0.03 if loop.turns_per_s <= CALM_LOOP_TO_PER_S else 0.5)


def panic_line(console: ConsoleLog | None) -> Point | None:
    """The console's panic line (the first of the last panic says why), where little follows it."""
    if console is None:
        return None
    lines = [x for x in console.matter if x.meaning is LineMeaning.PANIC]
    if not lines or console.after_last > 40:
        return None
    first = next((x for x in lines if "end Kernel panic" not in x.text), lines[-1])
    return Point(f"{first.said_in} ends in a panic: {first.text}", (first.ref,), 300)


def is_fresh(console: ConsoleLog, line: ConsoleLine) -> bool:
    """Whether a line was said just now: minutes ago, or, where nobody knows when, with little behind it."""
    return line.age_s <= FRESH_S if line.age_s is not None else console.after_last <= FRESH_LINES


def storms(exits: KvmExits, uses: int) -> bool:
    """Whether so many uses of one thing are a storm: by their rate in the time in which the host let the vCPU run.

    One that halts in between has work that ends: on a host with nothing else to do it would rest for longer, and do no more.
    """
    return exits.per_s(uses) * (1.0 if _halts(exits) else exits.unheld(STARVED_TIMES)) >= EXIT_STORM_FROM_PER_S


def _halts(exits: KvmExits) -> bool:
    """Whether the vCPU that leaves guest mode most halts now and then."""
    left: dict[int, int] = {}
    for one in (*exits.exits, *exits.userspace):
        if one.tid is not None:
            left[one.tid] = left.get(one.tid, 0) + one.count
    busiest = max(left, key=lambda tid: left[tid], default=None)
    return any(exits.per_s(h.polled + h.waited) >= HALTS_FROM_PER_S for h in exits.halts if h.tid == busiest)


def held_words(exits: KvmExits) -> str:
    """How far the host held the vCPU back, where that matters to a rate."""
    held = exits.held_ratio
    return f" (while the vCPU waited for a CPU {share(held)} of the time)" if held >= HELD_MATTERS_FROM else ""


def top_port(exits: KvmExits) -> PortUse | None:
    """The I/O port most used."""
    return max(exits.ports, key=lambda p: p.count, default=None)


def port_share(exits: KvmExits, *ports: int) -> float:
    """The share of all port accesses that went to these ports."""
    total = sum(p.count for p in exits.ports)
    return sum(p.count for p in exits.ports if p.port in ports) / total if total else 0.0


def port_rate(exits: KvmExits, *ports: int) -> float:
    """Accesses per second to these ports."""
    return exits.per_s(sum(p.count for p in exits.ports if p.port in ports))


def unseen(exits: KvmExits, event: str, what: str) -> tuple[Point, ...]:
    """That none of something was seen, as a point against; nothing where this kernel could not be asked for it."""
    if any(event in left_out or left_out.startswith("all of kvm") for left_out in exits.left_out):
        return ()
    return (Point(f"no {what} was seen", exits.refs, 0.02),)


def leaving_rate(exits: KvmExits) -> float:
    """Exits per second: all of them where kvm_exit fires, else those that reach userspace, a device or a register."""
    exits_seen = sum(e.count for e in (exits.exits or exits.userspace))
    others = (sum(use.count for use in uses) for uses in (exits.ports, exits.mmio, exits.msrs))
    return exits.per_s(max(exits_seen, *others))
