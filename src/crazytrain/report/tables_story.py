"""What pasted tables and logs tell that no live look shows: shares without a rate, profiles, CPU tables, traces of kernels."""

from collections import Counter
from collections.abc import Iterator

from crazytrain.model.facts import Facts, KvmExits
from crazytrain.model.facts.host_tables import ClocksourceText, CpuRow, CpuTable, InterruptTable
from crazytrain.model.facts.kernel_traces import KernelTrace, LogClock
from crazytrain.model.facts.profile_table import ProfileTable
from crazytrain.model.figures import count, share, span
from crazytrain.model.report import StoryLine
from crazytrain.report.sentence import line

_SHOWN = 4
_SHOWN_TRACES = 3
_NOTABLE = 0.005


def tables_story(facts: Facts) -> tuple[StoryLine, ...]:
    """Sentences about pasted tables and traces; nothing for a live guest."""
    return (*_exits(facts), *_profiles(facts), *_cpus(facts), *_interrupts(facts), *_clocks(facts), *_traces(facts))


def _exits(facts: Facts) -> Iterator[StoryLine]:
    """Exits whose time is not known: shares of their number, and of the time that they took."""
    exits = facts.get(KvmExits)
    if exits is None or exits.window_ns or not exits.exits:
        return
    counted, took = Counter[str](), Counter[str]()
    for one in exits.exits:
        counted[one.reason] += one.count
    for time in exits.times:
        took[time.reason] += time.time_ns
    total, whole = counted.total(), took.total()
    said = ", ".join(
        f"{reason} {share(number / total)}" + (f" ({share(took[reason] / whole)} of their time)" if whole else "")
        for reason, number in counted.most_common(_SHOWN)
    )
    yield line(f"{count(total, 'exit')}, in what time is not told: {said}", exits.refs)


def _profiles(facts: Facts) -> Iterator[StoryLine]:
    for table in facts.all(ProfileTable):
        top = sorted(table.rows, key=lambda row: -row.own_ratio)[:_SHOWN]
        said = ", ".join(
            f"{row.symbol}{f' of {row.command}' if row.command else ''} {share(row.own_ratio)}" for row in top
        )
        yield line(f"the profile's samples were in {said}", table.refs)


def _cpus(facts: Facts) -> Iterator[StoryLine]:
    for table in facts.all(CpuTable):
        row = table.whole or next(iter(table.rows), None)
        if row:
            which = "all CPUs" if row.cpu < 0 else f"CPU {row.cpu}"
            machine = f" of {table.machine}" if table.machine else ""
            yield line(
                f"{table.tool}{machine}: {which} {_shares(row)} (host or guest: the table does not say)", table.refs
            )


def _shares(row: CpuRow) -> str:
    parts = [f"{share(row.user_ratio)} user", f"{share(row.system_ratio)} system", f"{share(row.idle_ratio)} idle"]
    more = (("waiting for disks", row.iowait_ratio), ("stolen", row.steal_ratio), ("in guests", row.guest_ratio))
    return ", ".join([*parts, *(f"{share(ratio)} {name}" for name, ratio in more if ratio and ratio >= _NOTABLE)])


def _interrupts(facts: Facts) -> Iterator[StoryLine]:
    for table in facts.all(InterruptTable):
        top = [row for row in table.rows if (row.grown if row.grown is not None else row.count)][:_SHOWN]
        if top:
            grown = top[0].grown is not None
            when = "between the snapshots" if grown else "since boot"
            shown = [(row, row.grown if grown else row.count) for row in top]
            said = ", ".join(f"{row.name} ({row.what}) {number:,}" for row, number in shown if number is not None)
            yield line(f"interrupts {when}: {said}", table.refs)


def _clocks(facts: Facts) -> Iterator[StoryLine]:
    for clock in facts.all(ClocksourceText):
        whose = "of a guest" if clock.guest else "(host or guest: that is not told)"
        name = clock.current or "not told"
        others = f"; there are {', '.join(clock.available)}" if clock.available else ""
        yield line(f"the clock source {whose} is {name}{others}", clock.refs)
    for log in facts.all(LogClock):
        whose = "the host's" if log.host else "the guest's"
        before = f", behind one of {span(log.before_ns)}" if log.before_ns is not None else ""
        yield line(f"{whose} log has a stamp of {span(log.stamp_ns)} since boot{before}: its clock is mad", log.refs)


def _traces(facts: Facts) -> Iterator[StoryLine]:
    for trace in facts.all(KernelTrace)[:_SHOWN_TRACES]:
        whose = (
            "the host's kernel"
            if trace.host
            else "the guest's kernel"
            if trace.sure
            else "a kernel (whose is not told)"
        )
        said = f": {trace.complaint}" if trace.complaint else ""
        who = f" ({trace.comm}{f' on CPU {trace.cpu}' if trace.cpu is not None else ''})" if trace.comm else ""
        path = " from ".join(trace.names[:_SHOWN]) or f"perhaps {', '.join(trace.doubtful[:_SHOWN])}"
        yield line(f"{whose} printed a trace{said}; it was in {path}{who}", trace.refs)
