"""The story: which thread does what, on which descriptor, how often. Sentences from facts, each with its evidence."""

from collections.abc import Iterator

from crazytrain.model.facts import (
    CallUse,
    ConsoleLog,
    DescriptorTable,
    Facts,
    GuestClock,
    InterruptRates,
    LoopActivity,
    Loops,
    ProcessUse,
    QemuState,
    SyscallUse,
    ThreadActivity,
    ThreadUse,
    VcpuView,
)
from crazytrain.model.facts.lab import LabDeed
from crazytrain.model.figures import count, rate, share, span
from crazytrain.model.report import StoryLine
from crazytrain.report.bare_story import bare_story
from crazytrain.report.clock_story import clock_story
from crazytrain.report.dump_story import dump_story
from crazytrain.report.fd_story import listing_story
from crazytrain.report.host_story import host_story
from crazytrain.report.inside_story import inside_story
from crazytrain.report.kvm_story import kvm_story
from crazytrain.report.lease_story import lease_story
from crazytrain.report.log_story import log_story
from crazytrain.report.loop_story import loop_story
from crazytrain.report.profile_story import profile_story
from crazytrain.report.qemu_story import qemu_story
from crazytrain.report.sentence import line
from crazytrain.report.snapshots_story import snapshots_story
from crazytrain.report.stop_story import stop_story
from crazytrain.report.summary_story import summary_story
from crazytrain.report.tables_story import tables_story
from crazytrain.report.told_story import told_story
from crazytrain.report.trace_story import trace_story
from crazytrain.report.waits_story import waits_story

SHOWN_THREADS = 6
SHOWN_CALLS = 4
NOTABLE_SHARE = 0.005
MONITOR_THREAD = "IO mon_iothread"


def story(facts: Facts) -> tuple[StoryLine, ...]:
    """All sentences, the threads first."""
    lines = [
        *trace_story(facts),
        *summary_story(facts),
        *listing_story(facts),
        *_process(facts),
        *_threads(facts),
        *waits_story(facts),
        *dump_story(facts),
        *profile_story(facts),
        *stop_story(facts),
        *loop_story(facts),
        *kvm_story(facts),
        *_interrupts(facts),
        *_vcpus(facts),
        *bare_story(facts),
        *_clock(facts),
        *inside_story(facts),
        *clock_story(facts),
        *_state(facts),
        *qemu_story(facts),
        *host_story(facts),
        *tables_story(facts),
        *snapshots_story(facts),
        *_console(facts),
        *lease_story(facts),
        *log_story(facts),
        *_lab(facts),
        *told_story(facts),
    ]
    return tuple(lines)


def _process(facts: Facts) -> Iterator[StoryLine]:
    use = facts.get(ProcessUse)
    if use is not None and facts.get(ThreadActivity) is None:
        says = f"the whole process took {share(use.cpu_ratio)} of a CPU; which of its threads did is not told here (top -H tells)"
        yield line(says, use.refs)


def _threads(facts: Facts) -> Iterator[StoryLine]:
    activity = facts.get(ThreadActivity)
    if activity is None:
        return
    busiest = sorted(activity.threads, key=lambda t: -t.cpu_ratio)
    shown = [t for t in busiest if t.cpu_ratio >= NOTABLE_SHARE][:SHOWN_THREADS]
    for thread in shown or busiest[:1]:
        yield line(_thread_sentence(thread, facts), activity.refs[:2])
        yield from _calls(thread, facts)
    rest = len(activity.threads) - len(shown or busiest[:1])
    if rest > 0:
        yield line(f"{count(rest, 'other thread')} took next to nothing", activity.refs[:1])


def _thread_sentence(thread: ThreadUse, facts: Facts) -> str:
    parts = [
        f"{share(ratio)} {name}"
        for ratio, name in ((thread.guest_ratio, "guest"), (thread.user_ratio, "user"), (thread.system_ratio, "system"))
        if ratio >= NOTABLE_SHARE
    ]
    split = f" ({', '.join(parts)})" if parts else ""
    delay = thread.delay_ratio or 0.0
    waited = f", and waited for a CPU {share(delay)} of the time" if delay >= 0.02 else ""
    ours = "; it serves the monitor, so our own questions are in its figures" if thread.comm == MONITOR_THREAD else ""
    took = f"took {share(thread.cpu_ratio)} of a CPU{split}{waited}"
    return f"{thread.label} (thread {thread.tid}, {thread.comm}) {took}{_turns(thread, facts)}{ours}"


def _turns(thread: ThreadUse, facts: Facts) -> str:
    loops = facts.get(Loops)
    loop = next((x for x in loops.loops if x.tid == thread.tid), None) if loops else None
    if loop is None or loop.turns_per_s is None:
        return ""
    return f"; it turned {rate(loop.turns_per_s)} in {loop.call}{_timeouts(loop)}"


def _timeouts(loop: LoopActivity) -> str:
    parts = []
    if loop.buckets:
        most = max(loop.buckets, key=lambda b: b.count)
        parts.append(f"mostly for {span(most.low_ns)} to {span(most.high_ns)} ({share(most.count / loop.turns)})")
    if loop.zero / max(loop.turns, 1) >= 0.05:
        parts.append(f"{share(loop.zero / loop.turns)} without waiting")
    if loop.infinite / max(loop.turns, 1) >= 0.05:
        parts.append(f"{share(loop.infinite / loop.turns)} without a limit")
    return ", " + ", ".join(parts) if parts else ""


def _calls(thread: ThreadUse, facts: Facts) -> Iterator[StoryLine]:
    use = facts.get(SyscallUse)
    if use is None or not use.window_ns:
        return
    mine = sorted((c for c in use.calls if c.tid == thread.tid), key=lambda c: -c.count)
    for call in [c for c in mine if c.count * 1e9 / use.window_ns >= 1][:SHOWN_CALLS]:
        yield line("    " + _call_sentence(call, use.window_ns, facts.get(DescriptorTable)), use.refs)


def _call_sentence(call: CallUse, window_ns: int, table: DescriptorTable | None) -> str:
    found = table.get(call.fd) if table else None
    where = f" on {found.label}" if found else f" on fd {call.fd}" if call.fd is not None else ""
    notable = [e for e in call.errors if e.count >= 0.005 * call.count]
    errors = ", ".join(f"{share(e.count / call.count)} {e.errno}{_meaning(e.errno, call)}" for e in notable)
    took = f", {span(call.time_ns / call.count)} each" if call.time_ns else ""
    return f"{call.call}{where}: {rate(call.count * 1e9 / window_ns)}{took}" + (f"; {errors}" if errors else "")


def _meaning(errno: str, call: CallUse) -> str:
    if errno == "EAGAIN" and call.call.startswith(("read", "recv", "accept")):
        return " (queue empty, no error)"
    if errno == "EAGAIN" and call.call == "futex":
        return " (the value had changed already, no error)"
    return ""


def _interrupts(facts: Facts) -> Iterator[StoryLine]:
    irqs = facts.get(InterruptRates)
    if irqs is None:
        return
    highest = {one.irq: one for one in sorted(irqs.rates, key=lambda r: r.per_s)}  # several controllers count one line
    for one in sorted(highest.values(), key=lambda r: -r.per_s)[:3]:
        if one.per_s >= 1:
            owner = f" ({one.owner})" if one.owner else ""
            yield line(f"IRQ {one.irq}{owner} fired {rate(one.per_s)}", irqs.refs)


def _vcpus(facts: Facts) -> Iterator[StoryLine]:
    view = facts.get(VcpuView)
    for vcpu in view.vcpus[:8] if view else ():
        if view is None or not vcpu.samples:
            continue
        awake = 1 - vcpu.halted_ratio
        where = (
            f", else {share(vcpu.user_ratio)} user space and {share(vcpu.kernel_ratio)} kernel ({vcpu.mode.value} mode), "
            f"at {count(vcpu.places, 'place')}"
            if awake > 0
            else ""
        )
        says = f"vCPU {vcpu.vcpu} was halted in {share(vcpu.halted_ratio)} of {count(vcpu.samples, 'sample')}{where}"
        often = (
            f", most often at {vcpu.top_ip:#x} ({share(vcpu.top_ip_ratio)})"
            if vcpu.top_ip_ratio >= 0.3 and awake
            else ""
        )
        yield line(says + often, view.refs)


def _clock(facts: Facts) -> Iterator[StoryLine]:
    clock = facts.get(GuestClock)
    latest = {page.address: page for page in clock.pages} if clock else {}
    for page in list(latest.values())[:4]:
        says = (
            f"kvmclock page at guest address {page.address:#x}: version {page.version}, tsc_timestamp {page.tsc_timestamp}, "
            f"system_time {page.system_time_ns} ns ({span(page.signed_ns)}), flags {page.flags:#x}; "
            f"QEMU runs for {span(clock.uptime_ns if clock else 0)}"
        )
        yield line(says, clock.refs if clock else ())


def _state(facts: Facts) -> Iterator[StoryLine]:
    state = facts.get(QemuState)
    if state is None:
        return
    if state.status:
        version = f" {state.version_text}" if state.version_text else ""
        yield line(f"QEMU{version} says it is {state.status}", state.refs)
    elif state.monitor_detail:
        yield line(f"QEMU's monitor: {state.monitor.value} ({state.monitor_detail})", state.refs)


def _console(facts: Facts) -> Iterator[StoryLine]:
    console = facts.get(ConsoleLog)
    for one in console.matter[-3:] if console else ():
        yield line(f"{one.said_in} ({one.meaning.value}): {one.text}", (one.ref,))


def _lab(facts: Facts) -> Iterator[StoryLine]:
    deed = facts.get(LabDeed)
    for says in deed.says if deed else ():
        yield line(says, deed.refs if deed else ())
