"""What woke event loops, as bpftrace counted it: how long they really waited, and which descriptors were ready."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from crazytrain.decode.bpf_lines import Bucket, Counted
from crazytrain.decode.syscall_names import call_name
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.loop import EmptyRead, LoopReading, LoopReadings, ReadyCount
from crazytrain.model.facts.syscalls import TimeoutBucket

_MAPS = ("@waited_ns", "@waited_s", "@ready_turns", "@ready", "@ready_epoll", "@empty")
_POLLS = frozenset(("ppoll", "poll"))
_EPOLLS = frozenset(("epoll_wait", "epoll_pwait", "epoll_pwait2"))
_NOT_LOOKED = "which descriptors were ready"

_Wait = tuple[int, int]  # thread, call


def times(rows: Sequence[Bucket], unit_ns: int) -> Iterator[TimeoutBucket]:
    """Turn a histogram's rows into spans of time."""
    return (TimeoutBucket(row.min * unit_ns, (row.max + 1) * unit_ns, row.count) for row in rows if row.count)


def loop_readings(counted: Counted, evidence: Evidence) -> Iterator[LoopReadings]:
    """Yield what waits left behind; nothing for records that hold none of it."""
    if not any(name in counted.lines for name in _MAPS):
        return
    waited: defaultdict[_Wait, list[TimeoutBucket]] = defaultdict(list)
    for name, unit_ns in (("@waited_ns", 1), ("@waited_s", 1_000_000_000)):
        for (tid, number), rows in counted.histograms.get(name, {}).items():
            waited[tid, number].extend(times(rows, unit_ns))
    turns = {(tid, number): row for (tid, number), row in counted.sums("@ready_turns").items()}
    yield LoopReadings(
        readings=tuple(_reading(counted, wait, waited[wait]) for wait in dict.fromkeys((*waited, *turns))),
        empty=tuple(
            EmptyRead(tid=tid, call=call_name(counted.header.arch, number), fd=fd, count=count)
            for (tid, number, fd), count in counted.of("@empty").items()
        ),
        refs=counted.refs(evidence, *_MAPS),
    )


def _reading(counted: Counted, wait: _Wait, waited: list[TimeoutBucket]) -> LoopReading:
    tid, number = wait
    call = call_name(counted.header.arch, number)
    turns = counted.sums("@ready_turns").get(wait)
    seen = not any(left.startswith(_NOT_LOOKED) for left in counted.header.left_out)
    return LoopReading(
        tid=tid,
        call=call,
        waited=tuple(waited),
        waited_ns=sum(row.total for key, row in counted.sums("@call").items() if key[:2] == wait),
        ready_turns=turns.count if turns else 0,
        ready_sum=turns.total if turns else 0,
        ready=tuple(_ready(counted, tid, call)) if turns else (),
        looked=seen and call in _POLLS | _EPOLLS,
    )


def _ready(counted: Counted, tid: int, call: str) -> Iterator[ReadyCount]:
    if call in _POLLS:
        for (thread, fd, events), count in counted.of("@ready").items():
            if thread == tid:
                yield ReadyCount(fd=fd, events=events, count=count)
    elif call in _EPOLLS:
        for (thread, epoll_fd, data, events), count in counted.of("@ready_epoll").items():
            if thread == tid:
                yield ReadyCount(epoll_fd=epoll_fd, data=data, events=events, count=count)
