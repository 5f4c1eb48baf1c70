"""What pasted text says of a guest's own kernel and its timers, as points of causes: registers printed twice, interrupts that stay away,
watchdogs that count impossible times, rests that a timer ends.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from crazytrain.model.facts import (
    ConsoleLine,
    ConsoleLog,
    Facts,
    KvmExits,
    KvmStats,
    LineMeaning,
    ProcessFacts,
    ThreadActivity,
)
from crazytrain.model.facts.clock_watch import ClockWatch
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.host_tables import InterruptRow, InterruptTable
from crazytrain.model.facts.kernel_traces import KernelTrace
from crazytrain.model.facts.kvm import ExitTime
from crazytrain.model.facts.moments import LinuxInterrupts
from crazytrain.model.facts.nic_rates import NicRate
from crazytrain.model.facts.restarts import ConsoleRestarts
from crazytrain.model.facts.services import QemuEvent
from crazytrain.model.facts.syscalls import SyscallUse
from crazytrain.model.facts.tool_lines import ToolLine, ToolMeaning
from crazytrain.model.facts.vcpu import VcpuSample, VcpuSamples
from crazytrain.model.figures import count, rate, span
from crazytrain.model.finding import Point

KERNEL_FROM = 0xFFFF_8000_0000_0000  # the half of the addresses that Linux and Windows keep for themselves
KERNEL_32_FROM, ROM_FROM = 0x8000_0000, 0xFFF0_0000
LOOP_BYTES = 256
_SAME_PLACE_BYTES = 64
_CROWD = 3  # vCPUs in one place: they wait for one thing
_ALIVE_FROM = 1000  # interrupts since the boot: this queue has worked
_LONG_S, _VERY_LONG_S = 3600, 86_400
_STUCK = re.compile(r"stuck for (\d{1,12})s")
_JIFFIES, _HZ = re.compile(r"(?:t=|starved for )(\d{1,12}) jiffies"), 250  # what most distributions build
_MEMORY = re.compile(r"\bMem: +(\d{1,15})(?:Mi)?\b")
_OF_GIB_TO = 260  # what is less may be of `free -g`
_SMALL_MIB = 6000  # of memory: a host that runs guests has more, and fewer are gigabytes
_LEAPT_NS = 10 * 10**9  # between two looks of a watchdog that looks twice a second
_SHORT_REST_NS, _LEAST_RESTS = 1_300_000, 2000
_RANG_FROM = 0.5  # of the rests that a timer ended
_TURN = frozenset(
    (
        "timer_settime",
        "timer_gettime",
        "select",
        "ppoll",
        "poll",
        "read",
        "write",
        "rt_sigaction",
        "clock_gettime",
        "gettimeofday",
        "futex",
    )
)
_MANY_SETS, _MOST_TURNS, _FEW_OTHERS = 10_000, 0.8, 0.2
_SHORT_LIFE_NS = 180 * 10**9
_PACKETS_FROM, _BYTES_FROM = 20_000.0, 50 << 20  # per second, of one interface
_TICKS_FROM, _STORM_FROM, _CALM_TO = 900.0, 2500.0, 110.0  # local timer interrupts of one CPU, per second


def guest_paste_points(cause: str, facts: Facts) -> Iterator[Point]:
    """Points of one cause; where threads were watched as well, what the registers say is the causes' own."""
    if not facts.all(ThreadActivity):
        yield from _locked(cause, facts.all(VcpuSamples))
    yield from _no_interrupts(cause, facts.all(InterruptTable))
    yield from _stuck_for(cause, facts.all(ConsoleLog))
    yield from _small(cause, facts.all(ToolLine))
    yield from _watched(cause, facts.all(ClockWatch))
    yield from _short_rests(cause, facts.all(KvmExits))
    yield from _ticks(cause, facts.get(LinuxInterrupts))
    yield from _counted_ticks(cause, () if facts.all(ThreadActivity) else facts.all(KvmStats))
    yield from _panicked(cause, facts.all(KernelTrace))
    yield from _traffic(cause, facts.all(NicRate))
    yield from _watchdog(cause, facts.all(QemuEvent))
    if facts.get(ProcessFacts) is None and facts.get(GuestInside) is None:
        yield from _restarts(cause, facts.all(ConsoleRestarts))
    yield from _timer_calls(cause, facts.all(SyscallUse))


def _locked(cause: str, every: Sequence[VcpuSamples]) -> Iterator[Point]:
    """A vCPU that was met in one small loop of its kernel each time that somebody printed its registers."""
    if cause not in ("guest-hard-lockup", "guest-soft-lockup", "guest-spinlock"):
        return
    met: dict[int, list[VcpuSample]] = defaultdict(list)
    for looks in every:
        for sample in looks.samples:
            met[sample.vcpu].append(sample)
    loops = {vcpu: samples for vcpu, samples in met.items() if _in_loop(samples)}
    refs = tuple(ref for looks in every for ref in looks.refs)
    together = _together(loops)
    if cause != "guest-spinlock" and together >= _CROWD:
        return
    for vcpu, samples in loops.items():
        off = not any(one.interrupts_enabled for one in samples)
        says = (
            f"vCPU {vcpu} was in one small loop of its kernel at {min(one.ip for one in samples):#x} in each of "
            f"{count(len(samples), 'print-out')} of its registers, with interrupts {'off' if off else 'on'}"
        )
        ratio = {"guest-hard-lockup": 25.0 if off else 0.3, "guest-soft-lockup": 1.2 if off else 10.0}.get(cause)
        if ratio and off == (cause == "guest-hard-lockup"):
            yield Point(says, refs, ratio)
            return
    if cause == "guest-spinlock" and together:
        says = f"{count(together, 'vCPU')} were in the same small loop of the kernel"
        yield Point(says, refs, 40 if together >= _CROWD else 15)


def _in_loop(samples: Sequence[VcpuSample]) -> bool:
    places = [one.ip for one in samples]
    kernel = all(one.cpl == 0 and not one.halted and _in_kernel(one.ip) for one in samples)
    return kernel and len(samples) > 1 and max(places) - min(places) <= LOOP_BYTES


def _in_kernel(ip: int) -> bool:
    """Whether an address is in the half that a 64-bit or a 32-bit kernel keeps for itself; a firmware's ROM is above that."""
    return ip >= KERNEL_FROM or KERNEL_32_FROM <= ip < ROM_FROM


def _together(loops: dict[int, list[VcpuSample]]) -> int:
    """How many vCPUs are where another one is, too."""
    places = sorted(samples[-1].ip for samples in loops.values())
    near = [place for place in places if sum(abs(place - other) <= _SAME_PLACE_BYTES for other in places) > 1]
    return len(near)


def _no_interrupts(cause: str, tables: Iterable[InterruptTable]) -> Iterator[Point]:
    """A queue of a virtio device that has worked, and raised nothing while other interrupts came."""
    if cause not in ("guest-lost-interrupt", "guest-hung-io"):
        return
    for table in tables:
        if table.guest is False or table.snapshots < 2 or not any(row.grown for row in table.rows):
            continue
        still = [row for row in table.rows if _is_queue(row) and row.count >= _ALIVE_FROM and row.grown == 0]
        disk = [row for row in still if "req" in row.what]
        if still and (cause == "guest-lost-interrupt" or disk):
            says = f"{still[0].what.split()[-1]} raised no interrupt while others of the guest came"
            yield Point(says, table.refs, 7 if cause == "guest-lost-interrupt" else 4)
            return


def _is_queue(row: InterruptRow) -> bool:
    return (
        re.search(r"virtio\d+-(?:input|output|req|requests)\b|virtio\d+-(?:input|output|req)\.\d", row.what) is not None
    )


def _stuck_for(cause: str, logs: Iterable[ConsoleLog]) -> Iterator[Point]:
    """The watchdog looks every few seconds: the first time that it speaks it has counted some twenty, unless its clock leapt."""
    if cause not in ("kvmclock-jump", "guest-soft-lockup"):
        return
    for log in logs:
        line = next((one for one in log.matter if _counted_s(one)), None)
        counted_s = _counted_s(line) if line else 0
        if line is None or counted_s < _LONG_S:
            continue
        far = counted_s >= _VERY_LONG_S
        says = f"the watchdog's first word is of {span(counted_s * 10**9)}, where it counts seconds: its clock leapt ({line.text})"
        yield Point(says, (line.ref,), (40 if far else 8) if cause == "kvmclock-jump" else 0.1 if far else 0.5)
        return


def _counted_s(line: ConsoleLine) -> int:
    """For how long a CPU was stuck at least, in seconds, as a watchdog or RCU says; 0 where it says nothing of that."""
    stuck = _STUCK.search(line.text) if line.meaning is LineMeaning.SOFT_LOCKUP else None
    jiffies = _JIFFIES.search(line.text) if line.meaning is LineMeaning.RCU_STALL else None
    return int(stuck[1]) if stuck else int(jiffies[1]) // _HZ if jiffies else 0


def _small(cause: str, lines: Sequence[ToolLine]) -> Iterator[Point]:
    """``free`` of a machine that is too small to run guests: it is the guest, and its memory is used up."""
    of_host = any(line.meaning is ToolMeaning.QEMU_SWAPPED for line in lines)
    for line in lines if cause in ("guest-memory-thrash", "memory-pressure") and not of_host else ():
        found = _MEMORY.search(line.text) if line.meaning is ToolMeaning.NO_MEMORY_LEFT else None
        total = int(found[1]) if found else 0
        if total > _OF_GIB_TO and (total if total < 250_000 else total >> 10) <= _SMALL_MIB:
            says = "next to no memory is available on a machine that is too small for a host: it is the guest"
            yield Point(says, (line.ref,), 20 if cause == "guest-memory-thrash" else 0.05)
            return


def _watched(cause: str, every: Iterable[ClockWatch]) -> Iterator[Point]:
    """Which of the two leapt: the one that calls the other unstable, or that one."""
    if cause not in ("kvmclock-jump", "tsc-unstable"):
        return
    for one in every:
        if one.judge == "kvm-clock" and one.judge_ns is not None and one.judge_ns >= _LEAPT_NS:
            says = f"between two looks of the kernel's watchdog kvm-clock went on by {span(one.judge_ns)}: it leapt, not the {one.judged}"
            yield Point(says, one.refs, 25 if cause == "kvmclock-jump" else 0.02)
            return


def _short_rests(cause: str, every: Iterable[KvmExits]) -> Iterator[Point]:
    """Each rest of the guest is ended by its own timer, after a millisecond or less."""
    ratio = {"apic-timer-storm": 25.0, "misread": 0.1, "healthy-idle": 0.3}.get(cause)
    for exits in every if ratio else ():
        halts = next((one for one in exits.times if one.reason in ("HLT", "hlt")), None)
        rang = sum(one.count for one in exits.exits if one.reason == "PREEMPTION_TIMER")
        if halts and _is_short(halts) and rang >= _RANG_FROM * halts.samples:
            says = f"{count(halts.samples, 'rest')} of {span(int(halts.mean_ns))} each, most of which the guest's own timer ended"
            yield Point(says, exits.refs, ratio or 1.0)
            return


def _is_short(halts: ExitTime) -> bool:
    return halts.samples >= _LEAST_RESTS and halts.mean_ns <= _SHORT_REST_NS


def _ticks(cause: str, found: LinuxInterrupts | None) -> Iterator[Point]:
    """How often the local timer rang on one CPU; which machine's it is matters, for a host that works ticks, too."""
    if found is None or found.guest is False or cause != "apic-timer-storm":
        return
    each = found.per_s("LOC:", "LOC") / max(found.cpus, 1)
    says = f"the local timer (LOC of /proc/interrupts) rang {rate(each)} on each CPU"
    sure = 1.0 if found.guest else 0.6
    if each >= _TICKS_FROM:
        yield Point(says, found.refs, (60.0 if each >= _STORM_FROM else 12.0) ** sure)
    elif 0 < each <= _CALM_TO:
        yield Point(says, found.refs, 0.2**sure)


def _counted_ticks(cause: str, every: Iterable[KvmStats]) -> Iterator[Point]:
    """KVM's counters: the timer that KVM keeps for the guest is set as often as the guest rests and takes an interrupt, and nothing else goes on."""
    for stats in every if cause == "apic-timer-storm" else ():
        timers, taken = stats.per_s("kvm_hv_timer_state") or 0.0, stats.per_s("kvm_apic_accept_irq") or 0.0
        others = max(stats.per_s(name) or 0.0 for name in ("kvm_pio", "kvm_mmio", "kvm_set_irq", "kvm_msi_set_irq"))
        if timers >= _TICKS_FROM and taken >= _RANG_FROM * timers and others <= 0.1 * timers:
            says = f"KVM counted {rate(timers)} changes of the timer that it keeps for the guest, and {rate(taken)} interrupts of local APICs"
            yield Point(says, stats.refs, 25 if timers >= _STORM_FROM else 8)
            return


def _panicked(cause: str, traces: Iterable[KernelTrace]) -> Iterator[Point]:
    """A debugger at QEMU's gdb port found the guest's kernel within its panic."""
    for trace in traces if cause == "guest-panic-spin" else ():
        if not trace.host and not trace.complaint and trace.has("panic", "vpanic", "nmi_panic"):
            yield Point("the guest's kernel was within its panic() when a debugger looked", trace.refs, 60)
            return


def _traffic(cause: str, every: Sequence[NicRate]) -> Iterator[Point]:
    """An interface with so much traffic that to pass it on is work."""
    most = max(every, key=lambda one: one.packets_per_s, default=None) if cause == "guest-io-heavy" else None
    if most is not None and (most.packets_per_s >= _PACKETS_FROM or most.bytes_per_s >= _BYTES_FROM):
        yield Point(f"{rate(most.packets_per_s)} packets went over {most.name}", (most.ref,), 25)


def _watchdog(cause: str, events: Sequence[QemuEvent]) -> Iterator[Point]:
    """A watchdog device that resets the guest again and again: the guest never lives long enough to feed it."""
    bites = [event for event in events if event.name == "WATCHDOG" and "reset" in event.says]
    if cause == "guest-reboot-loop" and len(bites) > 1:
        says = f"the watchdog device reset the guest {count(len(bites), 'time')} within what was heard"
        yield Point(says, tuple(event.ref for event in bites[:3]), 40 if len(bites) > 2 else 10)


def _timer_calls(cause: str, every: Iterable[SyscallUse]) -> Iterator[Point]:
    """QEMU up to 1.6 sets its alarm at each turn of its loop; counts of calls that hold nothing else are a loop that only serves timers."""
    for use in every if cause == "timer-always-due" else ():
        counts: dict[str, int] = defaultdict(int)
        for call in use.calls:
            counts[call.call] += call.count
        sets, turns = counts["timer_settime"], counts["select"] + counts["ppoll"] + counts["poll"]
        others = sum(number for call, number in counts.items() if call not in _TURN)
        if not use.window_ns and sets >= _MANY_SETS and sets >= _MOST_TURNS * turns and others <= _FEW_OTHERS * sets:
            says = f"{count(sets, 'call')} of timer_settime in {count(turns, 'turn')} of the main loop, and next to nothing else"
            yield Point(says, use.refs, 8)
            return


def _restarts(cause: str, every: Iterable[ConsoleRestarts]) -> Iterator[Point]:
    """A pasted console on which kernels follow each other, none of them older than some minutes."""
    for one in every if cause == "guest-reboot-loop" else ():
        short = [restart for restart in one.restarts if restart.uptime_ns <= _SHORT_LIFE_NS]
        if len(short) > 1 and len(short) == len(one.restarts):
            longest = max(restart.uptime_ns for restart in short)
            says = f"on its console {count(len(short), 'kernel')} in a row ended, none later than {span(longest)} after it came up"
            yield Point(says, tuple(restart.ref for restart in short[-3:]), 40 if len(short) > 2 else 15)
            return
