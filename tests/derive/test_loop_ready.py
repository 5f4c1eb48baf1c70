"""What woke a loop: descriptors by poll and by epoll, what was done with them, and what cannot be seen."""

from crazytrain.derive.eventfds import derive_eventfds
from crazytrain.derive.loops import derive_loops
from crazytrain.model.evidence import Ref
from crazytrain.model.facts import (
    CallUse,
    Coverage,
    Descriptor,
    DescriptorTable,
    EmptyRead,
    EpollSet,
    EpollWatch,
    ErrorCount,
    EventfdCount,
    EventfdCounts,
    Facts,
    LoopActivity,
    LoopReading,
    LoopReadings,
    ReadyCount,
    ReadyUse,
    SyscallUse,
    WaitUse,
)

MAIN, REF = 100, Ref("bpf", 8)
IN, OUT, HUP = 1, 4, 16
POINTER = 0x563F0C2A9F10


def call(name: str, fd: int | None, count: int, failed: int = 0) -> CallUse:
    errors = (ErrorCount("EAGAIN", failed),) if failed else ()
    return CallUse(tid=MAIN, call=name, fd=fd, count=count, errors=errors)


def use(*calls: CallUse, wait: str = "ppoll", turns: int = 1000) -> SyscallUse:
    waits = (WaitUse(tid=MAIN, call=wait, count=turns, refs=(REF,)),)
    return SyscallUse(
        method="bpftrace", coverage=Coverage.ALL_THREADS, window_ns=10**9, calls=calls, waits=waits, refs=(REF,)
    )


def reading(*ready: ReadyCount, call: str = "ppoll", **known: int | bool) -> LoopReading:
    more: dict[str, int | bool] = {"ready_turns": 1000, "ready_sum": sum(one.count for one in ready), "looked": True}
    return LoopReading(tid=MAIN, call=call, ready=ready, **(more | known))  # type: ignore[arg-type]


def table(*descriptors: Descriptor) -> DescriptorTable:
    return DescriptorTable(descriptors=descriptors, complete=True, refs=(Ref("descriptors.1", 1),))


def loop_of(*facts: object, empty: tuple[EmptyRead, ...] = (), told: tuple[LoopReading, ...]) -> LoopActivity:
    loops = derive_loops(Facts((*facts, LoopReadings(readings=told, empty=empty, refs=(REF,)))))
    assert loops is not None
    (loop,) = loops.loops
    return loop


def ready_of(*facts: object, told: ReadyCount, empty: tuple[EmptyRead, ...] = ()) -> ReadyUse:
    (found,) = loop_of(*facts, told=(reading(told),), empty=empty).ready
    return found


def test_a_descriptor_that_is_read_is_served() -> None:
    found = ready_of(use(call("recvmsg", 12, 990, failed=20)), told=ReadyCount(fd=12, events=IN, count=980))
    assert (found.turns, found.events, found.taken, found.served, found.refused) == (980, ("POLLIN",), 970, 970, 20)
    assert not found.never_served


def test_a_hang_up_that_nobody_reads_is_never_served() -> None:
    vnc = Descriptor(fd=12, target="socket:[7]", kind="socket", role="VNC, client connected")
    loop = loop_of(use(call("write", 5, 900)), table(vnc), told=(reading(ReadyCount(fd=12, events=HUP, count=990)),))
    (found,) = loop.ready
    assert (found.label, found.kind, found.hung_up, found.served) == (
        "fd 12 (VNC, client connected)",
        "socket",
        True,
        0,
    )
    assert loop.spins_on == (found,)


def test_reads_of_nothing_serve_nothing() -> None:
    ended = (EmptyRead(tid=MAIN, call="read", fd=12, count=990),)
    found = ready_of(use(call("read", 12, 990)), told=ReadyCount(fd=12, events=IN | HUP, count=990), empty=ended)
    assert (found.taken, found.empty, found.served, found.never_served) == (0, 990, 0, True)


def test_one_that_is_only_writable_is_served_by_writing() -> None:
    writable = ReadyCount(fd=12, events=OUT, count=500)
    assert ready_of(use(call("read", 12, 500)), told=writable).served == 0
    assert ready_of(use(call("writev", 12, 500)), told=writable).served == 500


def test_bits_seen_at_different_turns_are_one_descriptor() -> None:
    counts = (ReadyCount(fd=12, events=IN, count=300), ReadyCount(fd=12, events=IN | HUP, count=5))
    (found,) = loop_of(use(call("read", 12, 305)), told=(reading(*counts),)).ready
    assert (found.turns, found.events) == (305, ("POLLIN", "POLLHUP"))


def test_an_io_uring_is_emptied_where_no_call_shows_it() -> None:
    ring = Descriptor(fd=12, target="anon_inode:[io_uring]", kind="io_uring")
    found = ready_of(use(), table(ring), told=ReadyCount(fd=12, events=IN, count=900))
    assert (found.served, found.never_served) == (None, False)


def test_what_an_epoll_set_gives_back_is_looked_up_in_its_latest_list() -> None:
    ready = ReadyCount(epoll_fd=9, data=POINTER, events=IN, count=800)
    older = EpollSet(fd=9, watches=(EpollWatch(fd=30, events=IN, data=POINTER),), ref=REF)
    latest = EpollSet(fd=9, watches=(EpollWatch(fd=12, events=IN, data=POINTER),), ref=REF)
    woken = reading(ready, call="epoll_wait")
    (found,) = loop_of(use(call("read", 12, 800), wait="epoll_wait"), older, latest, told=(woken,)).ready
    assert (found.fd, found.served) == (12, 800)
    (lost,) = loop_of(use(wait="epoll_wait"), told=(woken,)).ready
    assert (lost.fd, lost.served) == (None, None)
    assert f"{POINTER:#x}" in lost.label


def test_what_could_not_be_seen_is_told() -> None:
    ring = loop_of(use(wait="io_uring_enter"), told=(reading(call="io_uring_enter", looked=False, ready_turns=0),))
    assert ring.ready_turns is None
    assert "io_uring" in ring.unseen
    behind = loop_of(use(), told=(reading(ReadyCount(fd=5, events=IN, count=10), ready_sum=500),))
    assert behind.unseen.startswith("of 500 times that a descriptor was ready, 490")
    older = derive_loops(Facts((use(),)))
    assert older is not None
    assert older.loops[0].ready_turns is None
    assert "not looked at" in older.loops[0].unseen


def counts(at: int, *told: EventfdCount) -> EventfdCounts:
    return EventfdCounts(mono_ns=at, counts=told, ref=Ref(f"descriptors.{at}"))


def test_eventfds_are_gathered_by_object_with_their_counters_at_both_ends() -> None:
    one, twin, idle, reused = (
        Descriptor(fd=fd, target="anon_inode:[eventfd]", kind="eventfd", object_id=number)
        for fd, number in ((5, 70), (6, 70), (7, 71), (8, 99))
    )
    told = derive_eventfds(
        Facts(
            (
                table(one, twin, idle, reused),
                counts(0, EventfdCount(5, 3, 70), EventfdCount(7, 0, 71), EventfdCount(8, 4, 72)),
                counts(1, EventfdCount(5, 900, 70), EventfdCount(7, 0, 71), EventfdCount(8, 1, 99)),
                use(call("write", 5, 500, failed=1), call("write", 6, 400)),
            )
        )
    )
    assert told is not None
    pair, other = told.uses
    assert (pair.fds, pair.writes, pair.reads, pair.count_before, pair.count_after) == ((5, 6), 899, 0, 3, 900)
    assert (other.fds, other.count_before, other.count_after) == ((8,), None, 1)
    assert derive_eventfds(Facts((use(),))) is None
