"""What is busy on a screen of top that shows no QEMU."""

from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.top_tasks import decode_top_tasks
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.top_tasks import HostTasks, TopTasks

HEAD = "    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND\n"
PROGRAM = "   4711 app       20   0 1203344 403212  10112 R  99.7   9.1 130:12.10 indexer --all\n"
THREAD = "     39 root      20   0       0      0      0 R  41,3   0.0  12:40.11 kswapd0\n"
QUIET = "     40 root      20   0       0      0      0 S   1.3   0.0   0:40.11 kworker/0:1\n"
QEMU = "   9001 qemu      20   0 5203344 4.0g    10112 S  99.9  12.1 130:12.10 qemu-system-x86\n"


def tasks(text: str) -> list[TopTasks]:
    evidence = Evidence(id="top", kind=Kind.TOP_THREADS, source="top", data=text.encode())
    return [fact for fact in decode_top_tasks(evidence) if isinstance(fact, TopTasks)]


def test_busy_rows_are_told_and_threads_of_the_kernel_known() -> None:
    (found,) = tasks(HEAD + THREAD + PROGRAM + QUIET)
    assert [(task.comm, task.cpu_ratio, task.kernel) for task in found.tasks] == [
        ("indexer --all", 0.997, False),
        ("kswapd0", 0.413, True),
    ]
    assert (found.refs[0].line, found.refs[0].last_line) == (2, 3)


def test_the_last_screen_counts() -> None:
    (found,) = tasks(HEAD + PROGRAM + HEAD + THREAD)
    assert [task.comm for task in found.tasks] == ["kswapd0"]


def test_where_qemu_is_shown_it_is_a_host() -> None:
    assert tasks(HEAD + PROGRAM + QEMU) == []


def test_without_a_header_or_anything_busy_nothing_is_told() -> None:
    assert tasks(PROGRAM) == []
    assert tasks(HEAD + QUIET) == []
    assert tasks(HEAD + "   4711 app 20 0\n" + "   x app       20   0 1 4 1 R  99.7   9.1 130:12.10 indexer\n") == []


@given(st.text(max_size=300))
def test_it_never_fails(text: str) -> None:
    list(tasks(text))
    list(tasks(HEAD + text))


def host_tasks(text: str) -> list[HostTasks]:
    evidence = Evidence(id="top", kind=Kind.TOP_THREADS, source="top", data=text.encode())
    return [fact for fact in decode_top_tasks(evidence) if isinstance(fact, HostTasks)]


def test_beside_qemu_only_the_kernels_own_threads_are_told() -> None:
    (found,) = host_tasks(HEAD + PROGRAM + THREAD + QEMU)
    assert [task.comm for task in found.tasks] == ["kswapd0"]
    assert host_tasks(HEAD + PROGRAM + QEMU) == []
    assert host_tasks(HEAD + THREAD) == []


def test_the_top_of_busybox() -> None:
    screen = (
        "  PID  PPID USER     STAT   VSZ %VSZ CPU %CPU COMMAND\n"
        " 2311   901 app      R     812m  20%   1  61% /usr/bin/indexer --every 5\n"
        "   12     2 root     SW       0   0%   0   2% [kworker/0:1]\n"
    )
    (found,) = tasks(screen)
    assert [(task.comm, task.cpu_ratio) for task in found.tasks] == [("indexer", 0.61)]


def test_a_header_that_names_no_command_tells_no_task() -> None:
    assert tasks("  PID USER %VSZ %CPU COMMANDS\n 2311 app 20% 61% indexer\n") == []
