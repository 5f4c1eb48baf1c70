"""Screens of top, with and without threads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.recognise import split
from crazytrain.decode.top import decode_top
from crazytrain.model.evidence import Kind
from crazytrain.model.facts.threads import ProcessUse, ThreadActivity, ThreadRole
from tests.decode.pasted import broken_by_mailer, evidence, sample

HEAD = "    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND\n"
THREADS = "Threads:   3 total,   1 running,   2 sleeping,   0 stopped,   0 zombie\n"


def screen(*rows: tuple[int, float, str, str], sizes: str = "6683072 647416   8336", head: str = HEAD) -> str:
    lines = [f"{tid:7} qemu  20   0 {sizes} R  {share} 0.2   {time} {comm}\n" for tid, share, time, comm in rows]
    return head + "".join(lines)


def threads(text: str | bytes) -> ThreadActivity:
    (found,) = decode_top(evidence(Kind.TOP_THREADS, text))
    assert isinstance(found, ThreadActivity)
    return found


def shares(found: ThreadActivity) -> dict[str, float]:
    return {thread.comm: thread.user_ratio for thread in found.threads}


def test_top_4_0_shows_the_process_in_the_first_threads_row() -> None:
    found = threads(sample("top-H.txt"))
    assert found.samples == 2  # three screens, the first counts from the process's start
    assert (found.window_ns, found.threads[0].tid) == (0, 12915)
    assert shares(found) == {"qemu-syst+": 0.0, "call_rcu": 0.0, "CPU 0/KVM": 0.634, "worker": 0.0, "kvm-nx-lp+": 0.0}
    assert found.threads[0].why != ""
    assert [(thread.role, thread.vcpu) for thread in found.threads] == [
        (ThreadRole.MAIN_LOOP, None),
        (ThreadRole.RCU, None),
        (ThreadRole.VCPU, 0),
        (ThreadRole.WORKER, None),
        (ThreadRole.KVM_NX, None),
    ]
    assert [(ref.line, ref.last_line) for ref in found.refs] == [(21, 38)]


def test_without_threads_it_is_one_process() -> None:
    (found,) = decode_top(evidence(Kind.TOP_THREADS, sample("top.txt")))
    assert isinstance(found, ProcessUse)
    assert (found.pid, found.comm, found.cpu_ratio, found.refs[0].line) == (12915, "qemu-syst+", 0.8, 8)


def test_an_old_top_shows_the_first_thread_itself() -> None:
    """Memory in KiB: no top of that time added the threads up, however the figures look."""
    old = "KiB Mem : 26353241+total\n" + THREADS
    found = threads(old + screen((10, 99.0, "5:00.00", "qemu-kvm"), (11, 60.0, "3:00.00", "CPU 0/KVM")))
    assert shares(found) == {"qemu-kvm": 0.99, "CPU 0/KVM": 0.6}


@pytest.mark.parametrize(
    ("leader", "time", "own"),
    [
        (125.0, "5:00.00", 0.65),  # more than one CPU: no thread takes that
        (60.0, "3:00.01", 0.0),
        (60.0, "2:00.00", 0.6),  # less time than the other: its own
        (40.0, "5:00.00", 0.4),  # a smaller share than the other: its own
    ],
)
def test_when_the_first_row_is_the_sum(leader: float, time: str, own: float) -> None:
    found = threads(THREADS + screen((10, leader, time, "qemu-kvm"), (11, 60.0, "3:00.00", "CPU 0/KVM")))
    assert shares(found)["qemu-kvm"] == pytest.approx(own)


def test_decimal_commas_and_other_columns() -> None:
    head = "  PID USER      PR  NI  VIRT  RES  SHR S %CPU %MEM    TIME+   P SWAP WCHAN     COMMAND\n"
    rows = (
        " 7130 root      20   0 7568m 3.6g 6628 R  101  7,7  33:43,48  3 3.8g -         kvm\n"
        " 7124 root      20   0 7568m 3.6g 6628 S 1,5  7,7   0:30,65 14 3.8g poll_sche kvm\n"
    )
    found = threads("Tasks:  14 total\n" + head + rows)
    assert [(t.tid, t.comm, t.user_ratio, t.states) for t in found.threads] == [
        (7124, "kvm", 0.015, ("S",)),
        (7130, "kvm", 1.01, ("R",)),
    ]


def test_threads_without_names_that_compute_are_taken_for_vcpus() -> None:
    found = threads(
        THREADS + screen((10, 1.0, "0:30.65", "kvm"), (11, 101, "33:43.48", "kvm"), (12, 0.0, "0:01.71", "kvm"))
    )
    assert [t.role for t in found.threads] == [ThreadRole.MAIN_LOOP, ThreadRole.VCPU, ThreadRole.OTHER]
    assert "no thread has a name" in found.threads[1].why


def test_where_vcpus_are_named_an_unnamed_thread_is_none() -> None:
    found = threads(
        screen((10, 1.0, "0:30.65", "qemu-kvm"), (11, 5.0, "3:43.48", "CPU 0/KVM"), (12, 99.0, "9:01.71", "x"))
    )
    assert [t.role for t in found.threads] == [ThreadRole.MAIN_LOOP, ThreadRole.VCPU, ThreadRole.OTHER]


def test_rows_without_a_head_are_read_by_the_usual_columns() -> None:
    found = threads(screen((11, 99.7, "4028:04", "CPU 0/KVM"), (10, 0.0, "0:12.93", "qemu-kvm"), head=""))
    assert shares(found) == {"qemu-kvm": 0.0, "CPU 0/KVM": 0.997}


def test_screens_are_averaged_without_the_first() -> None:
    text = "".join(
        "top - 13:02:07 up 164 days\n" + screen((10, 0.0, "0:01.00", "qemu-kvm"), (11, share, "0:09.00", "CPU 0/KVM"))
        for share in (10.0, 80.0, 90.0)
    )
    found = threads(text)
    assert found.samples == 2
    assert shares(found)["CPU 0/KVM"] == pytest.approx(0.85)


def test_other_processes_are_left_out_and_kernel_threads_of_the_guest_are_not() -> None:
    text = screen((10, 1.0, "0:01.00", "qemu-kvm"), (11, 80.0, "0:09.00", "CPU 0/KVM"))
    text += screen((77, 50.0, "9:09.00", "vhost-10"), (78, 1.0, "0:01.00", "vhost-99"), sizes="0 0 0", head="")
    text += screen((90, 99.0, "9:09.00", "java"), sizes="1 2 3", head="")
    assert set(shares(threads(text))) == {"qemu-kvm", "CPU 0/KVM", "vhost-10"}


def test_several_guests_the_busiest_last() -> None:
    text = screen((10, 99.0, "9:01.00", "qemu-system-x86"), sizes="1 1 1")
    text += screen((20, 5.0, "0:01.00", "qemu-system-x86"), sizes="2 2 2", head="")
    found = list(decode_top(evidence(Kind.TOP_THREADS, text)))
    assert [one.pid for one in found if isinstance(one, ProcessUse)] == [20, 10]


def test_marked_rows_are_read() -> None:
    row = "  **125 qemu       0 -20 8519896  73392  15412 R  99.9   0.1  85:27.96 CPU 0/KVM **\n"
    found = threads(THREADS + HEAD + row)
    assert shares(found) == {"CPU 0/KVM": 0.999}


@pytest.mark.parametrize("text", ["", "nothing\n", HEAD, screen((1, 99.0, "0:01.00", "java"))])
def test_where_no_qemu_is_nothing_is_said(text: str) -> None:
    assert list(decode_top(evidence(Kind.TOP_THREADS, text))) == []


CELLS = st.one_of(
    st.integers(-3, 10**12).map(str), st.text(max_size=8), st.sampled_from(["qemu-kvm", "R", "99,9", "%CPU", "PID"])
)
ROWS = st.one_of(
    st.lists(CELLS, max_size=14).map(" ".join),
    st.builds(
        "{} qemu 20 0 1 1 1 R {} 0.0 {} {}".format,
        st.integers(0, 99),
        st.sampled_from(["0.0", "50.0", "1e9", "12345678", "99,9"]),
        st.sampled_from(["0:01.00", "9:99", "12h", "99999999:00"]),
        st.sampled_from(["qemu", "CPU 0/KVM", "vhost-1", "java", ""]),
    ),
    st.sampled_from([HEAD.strip(), THREADS.strip(), "top - 1", "MiB Mem : 1", "PID %CPU x"]),
)


@given(st.lists(ROWS, max_size=12))
def test_any_text_is_read(lines: list[str]) -> None:
    text = "\n".join(lines)
    for found in decode_top(evidence(Kind.TOP_THREADS, text)):
        assert isinstance(found, ThreadActivity | ProcessUse)
        assert 1 <= (found.refs[0].line or 0) <= (found.refs[0].last_line or 0) <= text.count("\n") + 1
        assert all(t.user_ratio >= 0 for t in getattr(found, "threads", ()))


@pytest.mark.parametrize("width", [72, 76])
def test_a_screen_that_a_mailer_broke(width: int) -> None:
    rows = screen((3072, 31.0, "6:28.02", "qemu-system-x86"), (3080, 97.0, "9:28.02", "CPU 0/KVM"))
    broken = "".join(f"> {line}\n" for line in broken_by_mailer(rows, width).splitlines())
    (part,) = split("mail.txt", broken.encode())
    (found,) = decode_top(part)
    assert isinstance(found, ThreadActivity)
    assert [(use.comm, use.role) for use in found.threads] == [
        ("qemu-system-x86", ThreadRole.MAIN_LOOP),
        ("CPU 0/KVM", ThreadRole.VCPU),
    ]
