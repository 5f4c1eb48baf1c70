"""What woke event loops: how long they really waited, which descriptors were ready, and what was done with them."""

from collections.abc import Iterator

from crazytrain.model.evidence import Ref
from crazytrain.model.facts import Eventfds, EventfdUse, Facts, LoopActivity, Loops, ReadyUse, SyscallUse
from crazytrain.model.figures import count, rate, share, span
from crazytrain.model.report import StoryLine
from crazytrain.report.sentence import line

SHOWN_LOOPS = 4
SHOWN_READY = 5
SHOWN_EVENTFDS = 3
NOTABLE_SHARE = 0.02
NOTABLE_TURNS_PER_S = 5.0
NOTABLE_WRITES_PER_S = 50.0
SELDOM_READ = 0.02
MONITOR_LOOP = "mon_iothread"


def loop_story(facts: Facts) -> tuple[StoryLine, ...]:
    """Sentences about each loop that turns, and about eventfds that matter."""
    loops, use = facts.get(Loops), facts.get(SyscallUse)
    window_ns = use.window_ns if use else None
    lines: list[StoryLine] = []
    for loop in loops.loops[:SHOWN_LOOPS] if loops else ():
        if _notable(loop):
            lines.extend(_loop(loop, window_ns))
    return (*lines, *_eventfds(facts.get(Eventfds)))


def _notable(loop: LoopActivity) -> bool:
    """Whether it turns at all. That of the monitor turns for our own questions: it is told only where it spins."""
    turns = loop.turns_per_s is not None and loop.turns_per_s >= NOTABLE_TURNS_PER_S
    return turns and (not loop.label.endswith(MONITOR_LOOP) or bool(loop.spins_on))


def _loop(loop: LoopActivity, window_ns: int | None) -> Iterator[StoryLine]:
    if loop.waited_ns is not None and window_ns:
        yield line(_waited(loop, loop.waited_ns, window_ns), loop.refs)
    shown = [one for one in loop.ready if loop.ready_share(one) >= NOTABLE_SHARE][:SHOWN_READY]
    for one in shown:
        yield line("    " + ready_sentence(loop, one, window_ns), loop.refs)
    if loop.unseen and loop.ready_turns != 0:
        yield line(f"    {loop.unseen}", loop.refs)


def _waited(loop: LoopActivity, waited_ns: int, window_ns: int) -> str:
    back = sum(bucket.count for bucket in loop.waited)
    mostly = ""
    if loop.waited:
        most = max(loop.waited, key=lambda bucket: bucket.count)
        part = share(most.count / back) if back else "all"
        mostly = f", mostly for {span(most.low_ns)} to {span(most.high_ns)} ({part} of the waits)"
    woken = ""
    if loop.ready_turns is not None and back:
        woken = f"; {share(min(1.0, loop.ready_turns / back))} of its waits ended because a descriptor was ready"
    return f"the {loop.label} really waited {share(min(1.0, waited_ns / window_ns))} of the time{mostly}{woken}"


def ready_sentence(loop: LoopActivity, one: ReadyUse, window_ns: int | None) -> str:
    """Say of a descriptor how often it woke a loop and what was done with it."""
    how = f"{one.label} was ready ({', '.join(one.events)}) in {share(loop.ready_share(one))} of turns"
    if one.served is None:
        return f"{how}; whether anything was done with it cannot be seen"
    if one.never_served:
        tried = f", {count(one.refused, 'call')} on it failed" if one.refused else ""
        empty = f", {count(one.empty, 'read')} gave 0 bytes" if one.empty else ""
        spins = ": the loop spins on it" if one in loop.spins_on else ""
        return f"{how} and nothing was {_undone(one)}{tried}{empty}{spins}"
    return f"{how}; {_done(one, window_ns)}"


def _undone(one: ReadyUse) -> str:
    return "written to it" if one.events == ("POLLOUT",) else "read from it"


def _done(one: ReadyUse, window_ns: int | None) -> str:
    parts = [
        f"{name} {rate(number * 1e9 / window_ns) if window_ns else count(number, 'time')}"
        for name, number in (("taken from", one.taken), ("written to", one.sent))
        if number
    ]
    closed = ["closed"] if one.closed else []
    return "it was " + " and ".join((*parts, *closed)) if parts or closed else "nothing was done with it"


def _eventfds(told: Eventfds | None) -> Iterator[StoryLine]:
    if told is None:
        return
    notable = [one for one in told.uses if _grows(one) or _unread(one, told)]
    for one in notable[:SHOWN_EVENTFDS]:
        yield line(_eventfd(one, told), _few(told.refs))


def _eventfd(one: EventfdUse, told: Eventfds) -> str:
    grows = ""
    if _grows(one):
        grows = f"; its counter grew from {one.count_before} to {one.count_after}: nobody reads it"
    used = f"written {rate(_per_s(one.writes, told))}, read {rate(_per_s(one.reads, told))}" if told.window_ns else ""
    return f"eventfd {one.label}: {used or 'use not counted'} by QEMU's threads{grows}"


def _unread(one: EventfdUse, told: Eventfds) -> bool:
    """Written often, and hardly ever read by QEMU: KVM reads it (an interrupt), or nobody."""
    return _per_s(one.writes, told) >= NOTABLE_WRITES_PER_S and one.reads < SELDOM_READ * one.writes


def _grows(one: EventfdUse) -> bool:
    before, after = one.count_before, one.count_after
    return before is not None and after is not None and after > before and one.reads == 0


def _per_s(number: int, told: Eventfds) -> float:
    return number * 1e9 / told.window_ns if told.window_ns else 0.0


def _few(refs: tuple[Ref, ...]) -> tuple[Ref, ...]:
    return refs[:4]
