"""strace in all the shapes that its options give, recorded from the real tool."""

import pytest

from crazytrain.decode.strace import decode_strace
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.syscalls import CallUse, Coverage, SyscallUse, TimeoutBucket, TraceStory
from tests.decode.pasted import case, evidence, sample


def read(data: bytes | str) -> tuple[SyscallUse, TraceStory]:
    use, story = decode_strace(evidence(Kind.STRACE, data, "strace.txt"))
    assert isinstance(use, SyscallUse)
    assert isinstance(story, TraceStory)
    return use, story


def call(use: SyscallUse, name: str, fd: int | None = None, tid: int | None = None) -> CallUse:
    (found,) = [c for c in use.calls if (c.call, c.fd, c.tid) == (name, fd, tid)]
    return found


class Test2012:
    """The trace that this project began with, line by line."""

    use, story = read(case("strace.txt"))

    def test_it_covers_one_thread_and_holds_no_times(self) -> None:
        assert self.use.coverage is Coverage.ONE_THREAD
        assert self.use.window_ns is None
        assert [(w.tid, w.call, w.count) for w in self.use.waits] == [(None, "select", 2)]
        assert [c.tid for c in self.use.calls] == [None] * 7

    def test_every_call_is_counted_with_its_lines(self) -> None:
        found = {(c.call, c.fd): (c.count, c.failed, [r.line for r in c.refs]) for c in self.use.calls}
        assert found == {
            ("rt_sigaction", None): (1, 0, [1]),
            ("write", 8): (1, 0, [2]),
            ("read", 17): (2, 1, [3, 10]),
            ("timer_gettime", None): (2, 0, [4]),
            ("timer_settime", None): (1, 0, [5]),
            ("select", None): (2, 0, [7]),
            ("read", 7): (1, 0, [8]),
        }
        assert (self.story.lines, self.story.calls, self.story.unread) == (10, 10, 0)

    def test_the_signalfd_gave_one_sigalrm_of_a_posix_timer(self) -> None:
        assert [(s.fd, s.number, s.code, str(s.ref)) for s in self.story.signals] == [(17, 14, -2, "strace.txt:10")]

    def test_the_eagain_comes_from_a_queue_that_gave_data(self) -> None:
        assert [(d.call, d.fd, d.after_data, str(d.ref)) for d in self.story.drained] == [
            ("read", 17, True, "strace.txt:3")
        ]

    def test_the_timer_is_armed_at_its_floor(self) -> None:
        assert [(a.timer, a.value_ns, a.interval_ns, str(a.ref)) for a in self.story.arms] == [
            (0, 250_000, 0, "strace.txt:5")
        ]

    def test_the_eventfd_carries_a_one_from_8_to_7(self) -> None:
        assert [(t.call, t.fd, t.value, t.result, t.ref.line) for t in self.story.transfers] == [
            ("write", 8, 1, 8, 2),
            ("read", 7, 1, 8, 8),
        ]

    def test_the_handler_is_asked_for_only(self) -> None:
        assert [(q.signal, q.ref.line) for q in self.story.queries] == [("SIGALRM", 1)]

    def test_the_waits_end_after_microseconds(self) -> None:
        watched = (7, 10, 16, 17, 18, 19)
        assert [(w.call, w.timeout_ns, w.waited_ns, w.watched, w.ready, w.ref.line) for w in self.story.waits] == [
            ("select", 10**9, 3_000, watched, (7,), 7),
            ("select", 10**9, 45_000, watched, (17,), 9),
        ]
        assert self.use.waits[0].buckets == (TimeoutBucket(2**29, 2**30, 2),)

    def test_lines_count_from_the_files_beginning(self) -> None:
        region = Evidence(id="all.txt", kind=Kind.STRACE, source="all.txt", data=case("strace.txt"), first_line=101)
        _, story = decode_strace(region)
        assert isinstance(story, TraceStory)
        assert [str(d.ref) for d in story.drained] == ["all.txt:103"]


def test_the_same_loop_as_todays_strace_writes_it() -> None:
    use, story = read(sample("alarm-loop.txt"))
    assert [(s.fd, s.number, s.code) for s in story.signals] == [(3, 14, -2)] * len(story.signals) != []
    assert {(a.timer, a.value_ns) for a in story.arms} == {(0, 250_000)}
    assert {(d.fd, d.after_data) for d in story.drained} == {(3, True)}
    assert {(t.call, t.fd, t.value) for t in story.transfers} == {("write", 4, 1), ("read", 4, 1)}
    assert [(w.call, w.ready, w.waited_ns) for w in story.waits[:2]] == [
        ("pselect6", (3,), 246_850),
        ("pselect6", (4,), 496),
    ]
    assert call(use, "timer_settime").count == 3


def test_hexadecimal_strings_and_relative_times() -> None:
    use, story = read(sample("alarm-loop-r-xx.txt"))
    assert [(s.number, s.code) for s in story.signals] == [(14, -2)]
    assert {t.value for t in story.transfers} == {1}
    microseconds = 14 + 10 + 14 + 27 + 266 + 10 + 10 + 9 + 10 + 9 + 19 + 18  # all but the first line's
    assert use.window_ns == microseconds * 1000


def test_f_joins_calls_that_were_broken_in_two() -> None:
    use, story = read(sample("strace-f.txt"))
    assert use.coverage is Coverage.ALL_THREADS
    assert story.attached == (7533,)
    assert story.unread == 0
    assert {c.tid for c in use.calls} == {7533, 7535, 7536, 7537, 7538, 7539}
    # in flight at the end of the excerpt: counted, without an outcome
    assert call(use, "restart_syscall", tid=7537).count == 1
    waits = {(w.tid, w.call): w for w in use.waits}
    assert waits[7533, "ppoll"].zero > 0
    assert waits[7533, "ppoll"].infinite == 0
    assert sum(b.count for b in waits[7533, "ppoll"].buckets) + waits[7533, "ppoll"].zero == waits[7533, "ppoll"].count
    came_back = [line for line in sample("strace-f.txt").decode().splitlines() if "7533] <... ppoll resumed>" in line]
    at_once = [
        line for line in sample("strace-f.txt").decode().splitlines() if "7533] ppoll(" in line and ") = " in line
    ]
    assert waits[7533, "ppoll"].count == len(came_back) + len(at_once) > 3


def test_descriptors_with_names_times_and_durations() -> None:
    use, story = read(sample("strace-f-tt-T-y.txt"))
    assert use.window_ns is not None
    assert 900_000_000 < use.window_ns < 1_000_000_000
    (first, *_) = [w for w in story.waits if w.tid == 7533]
    assert first.watched == (4, 5, 6, 7, 12, 17)
    assert first.waited_ns is not None
    assert first.timeout_ns is not None
    assert abs(first.waited_ns - first.timeout_ns) < 5_000_000
    assert (call(use, "futex", tid=7533).time_ns or 0) > 0


def test_kvm_run_by_descriptor() -> None:
    use, _ = read(sample("strace-kvm.txt"))
    run = call(use, "ioctl", fd=12, tid=10337)
    assert run.count == 25
    assert run.time_ns is not None
    assert 250_000 < run.time_ns < 400_000
    assert use.window_ns == 381_297_000


def test_a_column_of_threads() -> None:
    use, story = read(sample("strace-f-o.txt"))
    assert use.coverage is Coverage.SOME_THREADS  # nothing says that these are all
    assert {c.tid for c in use.calls} == {7533, 7535, 7536, 7537, 7538, 7539}
    assert story.unread == 0
    assert use.window_ns is not None


def test_names_of_threads_and_epoch_times() -> None:
    use, story = read(sample("strace-f-ttt-Y.txt"))
    assert {7533, 7536, 7538} <= {c.tid for c in use.calls}
    assert story.unread == 0
    assert use.window_ns is not None
    assert 0 < use.window_ns < 10**9


@pytest.mark.parametrize("name", ["strace-r.txt", "strace-r-t.txt", "strace-n-i.txt", "strace-tt-T.txt"])
def test_every_prefix_is_read(name: str) -> None:
    use, story = read(sample(name))
    lines = sample(name).decode().splitlines()
    assert story.calls == len(lines) - 1
    assert story.unread == 0
    assert {c.call for c in use.calls} == {"ppoll", "futex"}
    assert use.coverage is Coverage.ONE_THREAD


def test_times_since_the_call_before_add_up() -> None:
    lines = ['     0.500000 read(3, "", 1) = 0', '     0.250000 read(3, "", 1) = 0', "     0.125000 close(3) = 0"]
    use, _ = read("\n".join(lines))
    assert use.window_ns == 375_000_000


def test_midnight_is_no_step_back() -> None:
    use, _ = read('23:59:59.500000 read(3, "", 1) = 0\n00:00:00.250000 read(3, "", 1) = 0\n')
    assert use.window_ns == 750_000_000


def test_one_time_is_no_window() -> None:
    use, _ = read('13:33:01 read(3, "", 1) = 0\n')
    assert use.window_ns is None


def test_a_call_cut_by_detaching_or_by_the_end_is_counted() -> None:
    use, story = read('read(3, "", 1) = 0\nppoll([{fd=9, events=POLLIN}], 1, NULL, NULL, 8')
    assert call(use, "ppoll").count == 1
    assert use.waits == ()
    assert story.unread == 0
    assert call(read("ppoll([{fd=9, events=POLLIN}], 1, NULL, NULL, 8\n <detached ...>\n")[0], "ppoll").count == 1


def test_signals_exits_and_notes_are_no_calls() -> None:
    text = (
        "strace: Process 12 attached\n"
        "[pid 12] --- SIGALRM {si_signo=SIGALRM, si_code=SI_TIMER, si_timerid=0, si_overrun=0, si_int=0} ---\n"
        "[pid 12] --- SIGALRM {si_signo=SIGALRM, si_code=SI_TIMER, si_timerid=0, si_overrun=0, si_int=0} ---\n"
        "[pid 12] rt_sigreturn({mask=[]}) = -1 EINTR (Interrupted system call)\n"
        "[pid 13] exit(0) = ?\n"
        "[pid 13] +++ exited with 0 +++\n"
        "[pid 12] select(20, [7], NULL, NULL, {tv_sec=1, tv_usec=0}) = ? ERESTARTNOHAND (To be restarted if no handler)\n"
        "strace: Process 12 detached\n"
        "guest console noise\n"
    )
    use, story = read(text)
    assert [(d.signal, d.code, d.count, d.ref.line) for d in story.deliveries] == [("SIGALRM", "SI_TIMER", 2, 2)]
    assert (story.calls, story.unread, story.attached) == (3, 1, (12,))
    assert [(e.errno, e.count) for e in call(use, "select", tid=12).errors] == [("ERESTARTNOHAND", 1)]
    assert call(use, "exit", tid=13).failed == 0


def test_old_strace_puts_a_blank_after_resumed() -> None:
    text = (
        "[pid 7] read(17,  <unfinished ...>\n"
        "[pid 8] select(20, [7 10], [], [], {1, 0} <unfinished ...>\n"
        '[pid 7] <... read resumed> "\\1\\0\\0\\0\\0\\0\\0\\0", 512) = 8\n'
        "[pid 8] <... select resumed> )      = 1 (in [7], left {0, 999955})\n"
    )
    use, story = read(text)
    assert call(use, "read", 17, 7).count == 1
    assert [(w.tid, w.timeout_ns, w.waited_ns, w.ready) for w in story.waits] == [(8, 10**9, 45_000, (7,))]
    assert [(t.fd, t.value, t.tid, t.ref.line) for t in story.transfers] == [(17, 1, 7, 3)]
    assert use.coverage is Coverage.SOME_THREADS


def test_the_command_with_f_says_that_all_threads_are_there() -> None:
    use, _ = read("root@host:~# strace -ttf -p 7\n[pid 7] close(3) = 0\n")
    assert use.coverage is Coverage.ALL_THREADS


@pytest.mark.parametrize(
    ("line", "timeout_ns", "ready"),
    [
        ("poll([{fd=4, events=POLLIN}], 1, 1000) = 0 (Timeout)", 10**9, ()),
        ("poll([{fd=4, events=POLLIN}], 1, -1) = 1 ([{fd=4, revents=POLLIN}])", None, (4,)),
        ("ppoll([{fd=4, events=POLLIN}], 1, NULL, NULL, 8) = 1 ([{fd=4, revents=POLLIN}])", None, (4,)),
        ("ppoll([{fd=4, events=POLLIN}, ...], 74, {0, 594527977}, NULL, 8) = 0 (Timeout)", 594_527_977, ()),
        ("ppoll([{fd=4, events=POLLIN}], 1, {tv_sec=0, tv_nsec=7}, [ALRM], 8) = 0 (Timeout)", 7, ()),
        ("epoll_wait(5, [{EPOLLIN, {u32=6, u64=6}}], 100, 20) = 1", 20 * 10**6, ()),
        ("epoll_pwait(5, [], 100, -1, NULL, 8) = -1 EINTR (Interrupted system call)", None, ()),
        ("epoll_pwait2(5, [], 100, {tv_sec=2, tv_nsec=1}, NULL, 0) = 0", 2 * 10**9 + 1, ()),
        ("pselect6(20, [7 10], [], [], {1, 0}, {NULL, 8}) = 0 (Timeout)", 10**9, ()),
        ("pselect6(20, [7], [], [], NULL, {sigmask=[], sigsetsize=8}) = 1 (in [7])", None, (7,)),
        (
            "select(20, [7<anon_inode:[eventfd]>], [], [], {0, 0}) = 1 (in [7<anon_inode:[eventfd]>], left {0, 0})",
            0,
            (7,),
        ),
    ],
)
def test_waits(line: str, timeout_ns: int | None, ready: tuple[int, ...]) -> None:
    use, story = read(line)
    (wait,) = story.waits
    assert (wait.timeout_ns, wait.ready) == (timeout_ns, ready)
    (counted,) = use.waits
    assert counted.count == 1
    assert (counted.zero, counted.infinite) == (int(timeout_ns == 0), int(timeout_ns is None))
    assert [b.low_ns <= (timeout_ns or 0) < b.high_ns for b in counted.buckets] == [True] * bool(timeout_ns)


def test_io_uring_counts_as_a_wait_where_it_waits() -> None:
    use, _ = read(
        "io_uring_enter(5, 1, 0, 0, NULL, 8) = 1\nio_uring_enter(5, 0, 1, IORING_ENTER_GETEVENTS, NULL, 8) = 0\n"
    )
    assert [(w.call, w.count) for w in use.waits] == [("io_uring_enter", 1)]
    assert call(use, "io_uring_enter", 5).count == 2


@pytest.mark.parametrize(
    "line",
    [
        'read(9, "QUIT now", 64) = 8',  # eight bytes of text are no count
        'read(9, "\\1\\0\\0\\0"..., 64) = 8',  # too few shown
        "read(9, 0x7ffe, 8) = 8",
        'read(9, "\\1\\0\\0\\0\\0\\0\\0\\0", 16) = 16',
    ],
)
def test_what_is_no_eventfd_is_no_transfer(line: str) -> None:
    assert read(line)[1].transfers == ()


def test_text_of_128_bytes_is_no_signal() -> None:
    assert read('read(9, "GET /index.html HTTP/1.1\\r\\nHost: "..., 128) = 128')[1].signals == ()
    assert read('read(9, "\\16\\0\\0\\0\\0\\0\\0\\0\\200\\0\\0\\0"..., 512) = 256')[1].signals[0].code == 128


def test_an_absolute_time_is_no_time_from_now() -> None:
    line = "timer_settime(1, TIMER_ABSTIME, {it_interval={0, 0}, it_value={1331296381, 0}}, NULL) = 0"
    assert read(line)[1].arms == ()


def test_a_handler_that_is_set_is_no_question() -> None:
    line = "rt_sigaction(SIGALRM, {sa_handler=SIG_IGN, sa_mask=[], sa_flags=0}, NULL, 8) = 0"
    assert read(line)[1].queries == ()


def test_stories_are_bounded_and_counts_are_not() -> None:
    line = 'read(7, "\\1\\0\\0\\0\\0\\0\\0\\0", 512) = 8\nread(17, 0x7f, 128) = -1 EAGAIN (Resource temporarily unavailable)\n'
    use, story = read(line * 20_000)
    assert (len(story.transfers), len(story.drained)) == (4, 4)
    assert call(use, "read", 7).count == 20_000
    assert story.calls == 40_000


def test_line_numbers_hold_far_into_a_trace() -> None:
    filler = "ppoll([{fd=4, events=POLLIN}], 1, {tv_sec=0, tv_nsec=5}, NULL, 8) = 0 (Timeout)\n"
    use, story = read(filler * 30_000 + "close(99) = -1 EBADF (Bad file descriptor)\n" + filler)
    assert [r.line for r in call(use, "close", 99).refs] == [30_001]
    assert story.last_ref is not None
    assert story.last_ref.line == 30_002


def test_hostile_names_do_not_fill_the_memory() -> None:
    text = "".join(f"call{i}(1) = 0\n" for i in range(30_000))
    use, story = read(text)
    assert len(use.calls) <= 20_000
    assert story.calls + story.unread == 30_000


@pytest.mark.parametrize("text", ["", "hello\nworld\n", "\0\0\0", "total 0\n"])
def test_what_is_no_strace_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput, match=r"strace\.txt"):
        read(text)
