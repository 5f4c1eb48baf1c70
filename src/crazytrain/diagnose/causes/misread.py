"""Cause healthy/misread."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.model.facts import CallUse, DescriptorTable, SyscallUse, TraceStory
from crazytrain.model.figures import count
from crazytrain.model.finding import Claim, Family, Point

QUEUES = ("signalfd", "eventfd", "timerfd")
READS = ("read", "readv", "recvmsg", "recvfrom", "recv", "accept4", "accept")


def misread(story: TraceStory | None, calls: SyscallUse | None, table: DescriptorTable | None) -> Claim:
    """Is there an EAGAIN that only says that a queue is empty?"""
    points = _story_points(story, table) or _count_points(calls, table)
    if not points:
        return Claim(says="nothing here looks alarming though it is normal", prior=0.5, ruled_out=True)
    return Claim(
        says="EAGAIN is not an error here: it only says that the queue is drained, which is how each turn of the loop ends",
        prior=0.5,
        points=points,
    )


def _story_points(story: TraceStory | None, table: DescriptorTable | None) -> tuple[Point, ...]:
    if story is None:
        return ()
    signal_fds = {s.fd for s in story.signals}
    return tuple(
        Point(f"{d.call} on {_named(d.fd, table, signal_fds)} ended in EAGAIN: its queue was empty", (d.ref,), 60)
        for d in story.drained
        if d.after_data or d.fd in signal_fds or _is_queue(d.fd, table)
    )


def _count_points(calls: SyscallUse | None, table: DescriptorTable | None) -> tuple[Point, ...]:
    drained = [c for c in calls.calls if c.call in READS and _eagain(c) and _is_queue(c.fd, table)] if calls else []
    return tuple(
        Point(
            f"{count(_eagain(c), 'EAGAIN', 'EAGAINs')} from {c.call} on {_named(c.fd, table, set())}: its queue was empty",
            c.refs or (calls.refs if calls else ()),
            60,
        )
        for c in drained[:4]
    )


def _eagain(call: CallUse) -> int:
    return sum(e.count for e in call.errors if e.errno == "EAGAIN")


def _is_queue(fd: int | None, table: DescriptorTable | None) -> bool:
    found = table.get(fd) if table else None
    return found is not None and found.kind in QUEUES


def _named(fd: int | None, table: DescriptorTable | None, signal_fds: set[int]) -> str:
    found = table.get(fd) if table else None
    if found:
        return found.label
    return f"fd {fd} (a signalfd, by what was read from it)" if fd in signal_fds else f"fd {fd}"


CAUSE = Cause(slug="misread", family=Family.HEALTHY, rank=Rank.NOTE, judge=misread)
