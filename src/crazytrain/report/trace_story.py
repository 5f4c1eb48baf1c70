"""What single lines of a strace mean: the main loop of a QEMU, told line by line."""

from collections.abc import Iterator

from crazytrain.model.evidence import Ref
from crazytrain.model.facts import (
    Coverage,
    DescriptorTable,
    Facts,
    QemuEra,
    SyscallUse,
    ThreadActivity,
    TraceStory,
    Transfer,
)
from crazytrain.model.figures import count, share, span
from crazytrain.model.report import StoryLine
from crazytrain.report.escape import plain

ALARM_FLOOR_NS = 250_000
# What one plain call of such a loop takes of a CPU, with QEMU's own work around it: a generous range for machines of
# that time and today.
CALL_NS = (1_000, 5_000)

SIGNALS = {
    1: "SIGHUP",
    2: "SIGINT",
    10: "SIGUSR1",
    12: "SIGUSR2",
    14: "SIGALRM",
    15: "SIGTERM",
    17: "SIGCHLD",
    29: "SIGIO",
}
SIGNAL_CODES = {-2: "SI_TIMER, from a POSIX timer", 0: "SI_USER, sent by kill()", -6: "SI_TKILL", -1: "SI_QUEUE"}


def trace_story(facts: Facts) -> tuple[StoryLine, ...]:
    """Sentences about a strace, or none where there is none."""
    story = facts.get(TraceStory)
    if story is None or not story.calls:
        return ()
    table = facts.get(DescriptorTable)
    lines = [
        *_burst(story, facts),
        *_coverage(story, facts),
        *_signals(story, table),
        *_drained(story, table),
        *_wakeup(story, table),
        *_queries(story),
        *_arms(story),
        *_ceiling(story, facts),
        *_era(facts),
        *_normal(story, facts),
        *_kvmclock(story, facts),
    ]
    return tuple(lines)


def _line(says: str, *refs: Ref) -> StoryLine:
    return StoryLine(says=plain(says, 1200), evidence=tuple(plain(str(r)) for r in refs))


def _burst(story: TraceStory, facts: Facts) -> Iterator[StoryLine]:
    """A burst that we took ourselves: the counts come from elsewhere, the lines are for people."""
    if facts.get(ThreadActivity) is not None and story.first_ref:
        where = story.first_ref.evidence
        says = f"{story.calls} calls of the main loop and iothreads are kept line by line: crazytrain case show CASE --raw {where}"
        yield _line(says, story.first_ref)


def _coverage(story: TraceStory, facts: Facts) -> Iterator[StoryLine]:
    use = facts.get(SyscallUse)
    if use is None or use.coverage is not Coverage.ONE_THREAD or facts.get(ThreadActivity) is not None:
        return
    refs = tuple(r for r in (story.first_ref, story.last_ref) if r)
    why = (
        "it waits on many descriptors in turn"
        if story.waits
        else "as strace without -f shows the thread of the given pid"
    )
    yield _line(
        f"These {story.calls} calls are of one thread, QEMU's main loop ({why}; no line names a thread, so strace ran without -f): "
        "the vCPU threads are not in it, and the trace cannot show what they do.",
        *refs,
    )
    if use.window_ns is None:
        yield _line(
            "The lines carry no times: how often they came cannot be told, and rates are what decides.", *refs[:1]
        )


def _signals(story: TraceStory, table: DescriptorTable | None) -> Iterator[StoryLine]:
    seen: set[tuple[int, int]] = set()
    for signal in story.signals:
        if (signal.fd, signal.number) in seen:
            continue
        seen.add((signal.fd, signal.number))
        name = SIGNALS.get(signal.number, f"signal {signal.number}")
        code = SIGNAL_CODES.get(signal.code, f"si_code {signal.code}") if signal.code is not None else ""
        found = table.get(signal.fd) if table else None
        kind = "is a signalfd" if found and found.kind == "signalfd" else "must be a signalfd, by what was read from it"
        yield _line(
            f"fd {signal.fd} {kind}: a descriptor from which signals are read as data. The 128 bytes are one struct signalfd_siginfo: "
            f"signal number {signal.number}, {name}{', ' + code if code else ''}.",
            signal.ref,
            *(found.refs if found else ()),
        )


def _drained(story: TraceStory, table: DescriptorTable | None) -> Iterator[StoryLine]:
    for one in story.drained[:2]:
        found = table.get(one.fd) if table else None
        queue = found.kind if found else "queue"
        yield _line(
            f"{one.call}({one.fd}) = EAGAIN says that the {queue} is drained: it is read until it is empty, and this is its end. It is not an error.",
            one.ref,
        )


def _wakeup(story: TraceStory, table: DescriptorTable | None) -> Iterator[StoryLine]:
    writes = [t for t in story.transfers if t.call.startswith("write") and t.value == 1]
    reads = [t for t in story.transfers if t.call.startswith("read") and t.value is not None]
    if not writes or not reads or not (story.signals or story.arms):
        return  # a handler that wakes the loop belongs to QEMU's time of signals
    write, read = writes[0], _answer(writes[0], reads)
    known = all(_kind(t.fd, table) == "eventfd" for t in (write, read))
    kind = "an eventfd" if known else "an eventfd, by the 8 bytes that hold the number 1,"
    twice = (
        f"; fd {write.fd} and fd {read.fd} are most likely one object held twice, as QEMU of that time dup()ed its eventfd"
        if write.fd != read.fd
        else ""
    )
    yield _line(
        f"fd {write.fd} and fd {read.fd}: {kind} by which the signal's handler wakes the loop: written at {write.fd}, read at {read.fd}{twice}.",
        write.ref,
        read.ref,
    )


def _answer(write: Transfer, reads: list[Transfer]) -> Transfer:
    return next((r for r in reads if r.value == write.value), reads[0])


def _kind(fd: int, table: DescriptorTable | None) -> str:
    found = table.get(fd) if table else None
    return found.kind if found else ""


def _queries(story: TraceStory) -> Iterator[StoryLine]:
    for one in story.queries[:1]:
        yield _line(
            f"rt_sigaction({one.signal}, NULL, ...) only asks which handler is set; it changes nothing: QEMU looks it up to call it by hand "
            "for the signal that it took from the signalfd.",
            one.ref,
        )


def _arms(story: TraceStory) -> Iterator[StoryLine]:
    for arm in [a for a in story.arms if a.value_ns][:1]:
        floor = (
            ", which is the floor of QEMU's alarm timer: some QEMU timer was due at once or overdue"
            if arm.value_ns == ALARM_FLOOR_NS
            else ""
        )
        yield _line(f"timer {arm.timer} is re-armed at {arm.value_ns:,} ns ({span(arm.value_ns)}){floor}.", arm.ref)


def _ceiling(story: TraceStory, facts: Facts) -> Iterator[StoryLine]:
    arms = [a for a in story.arms if a.value_ns == ALARM_FLOOR_NS]
    use = facts.get(SyscallUse)
    if not arms or (use and use.window_ns):
        return
    turns = 1_000_000_000 // ALARM_FLOOR_NS
    calls = max(1, round(story.calls / max(len(arms), 1)))
    low, high = (turns * calls * ns / 1e9 for ns in CALL_NS)
    yield _line(
        f"At that floor the loop can turn about {turns:,} times a second at most. With the {count(calls, 'call')} of a turn seen here, at "
        f"{span(CALL_NS[0])} to {span(CALL_NS[1])} each, such a loop explains at most about {share(low)} to {share(high)} of one CPU. "
        "If the process takes more, it is in threads that this trace does not show.",
        arms[0].ref,
    )


def _era(facts: Facts) -> Iterator[StoryLine]:
    era = facts.get(QemuEra)
    if era:
        yield _line("This QEMU is old: " + "; ".join(era.why) + ".", *era.refs)


def _normal(story: TraceStory, facts: Facts) -> Iterator[StoryLine]:
    if facts.get(QemuEra) is None or not story.arms:
        return
    yield _line(
        "A healthy guest of that time shows the same lines: each of them is how such a loop works. They are no proof of a runaway; how often "
        "they come, and each thread's share of a CPU, decide.",
        *(r for r in (story.first_ref, story.last_ref) if r),
    )


def _kvmclock(story: TraceStory, facts: Facts) -> Iterator[StoryLine]:
    if facts.get(QemuEra) is None or not story.arms:
        return
    yield _line(
        "kvmclock, the clock that KVM gives to the guest, is not in these lines: QEMU's own timers run on the host's clock. A guest whose "
        "clock jumps or stands still can set its timers into the past, which would keep this loop due; that is possible here, and neither shown nor "
        "excluded. The guest's clocksource decides: boot it with another one (acpi_pm, tsc) only if the fault is proven to go with kvmclock.",
        *(a.ref for a in story.arms[:1]),
    )
