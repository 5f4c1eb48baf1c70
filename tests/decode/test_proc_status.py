"""`/proc/PID/{stat,status,syscall}` as people print them: the state and the call of a thread at one moment."""

from pathlib import Path

import pytest

from crazytrain.decode.printed_files import decode_printed_files
from crazytrain.decode.proc_status import decode_proc_status
from crazytrain.decode.recognise import split
from crazytrain.model.case import Case
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.threads import ThreadRole
from crazytrain.model.facts.waits import ThreadWait, WaitInstant
from crazytrain.pipeline import conclude

STATUS = """Name:\tqemu-system-x86
Umask:\t0022
State:\t{state}
Tgid:\t4711
Pid:\t{pid}
PPid:\t1
TracerPid:\t0
Uid:\t64055\t64055\t64055\t64055
VmRSS:\t  812345 kB
Threads:\t5
SigQ:\t0/31000
SigPnd:\t0000000000000000
Cpus_allowed_list:\t0-3
voluntary_ctxt_switches:\t1234
nonvoluntary_ctxt_switches:\t56
"""
PREAD = "17 0x9 0x7f00 0x1000 0x0 0x0 0x0 0x7ffd1 0x7f01"
RUN = "16 0x1c 0xae80 0x0 0x0 0x0 0x0 0x7ffd1 0x7f01"
STAT = "4711 (qemu-system-x86) D 1 4711 4711 0 -1 4194560 1000 0 0 0 100 200 0 0 20 0 5 0 1000 100000 2000" + " 0" * 29
OFF_CALL = "-1 0x7ffd1 0x7f01"


def regions(text: str) -> tuple[Evidence, ...]:
    return split("x", text.encode())


def waits(text: str) -> dict[int, ThreadWait]:
    (region,) = regions(text)
    assert region.kind is Kind.PRINTED_FILES
    facts = (*decode_printed_files(region), *decode_proc_status(region))
    return {one.tid: one for fact in facts if isinstance(fact, WaitInstant) for one in fact.threads}


def test_status_of_several_threads() -> None:
    text = STATUS.format(state="D (disk sleep)", pid=4711) + STATUS.format(state="S (sleeping)", pid=4715)
    found = waits(text)
    assert {tid: (one.state, one.role, one.comm) for tid, one in found.items()} == {
        4711: ("D", ThreadRole.MAIN_LOOP, "qemu-system-x86"),
        4715: ("S", None, "qemu-system-x86"),
    }
    assert all(one.picked for one in found.values())


def test_calls_below_their_command_and_alone() -> None:
    (main,) = waits(f"# cat /proc/4711/syscall\n{PREAD}\n").values()
    assert (main.tid, main.call, main.arguments[0], main.role) == (4711, "pread64", 9, ThreadRole.MAIN_LOOP)
    (worker,) = waits(f"# cat /proc/4711/task/4720/syscall\n{PREAD}\n").values()
    assert (worker.tid, worker.role) == (4720, None)
    pread, vcpu, off = waits(f"{PREAD}\n{RUN}\n{OFF_CALL}\n").values()
    assert (pread.call, pread.role, pread.tid < 0) == ("pread64", None, True)
    assert (vcpu.call, vcpu.role) == ("ioctl", ThreadRole.VCPU)
    assert off.call == ""


def test_stat_alone_and_with_the_others() -> None:
    (main,) = waits(STAT + "\n").values()
    assert (main.state, main.role, main.picked) == ("D", ThreadRole.MAIN_LOOP, True)
    text = f"# cat /proc/4711/wchan\nio_schedule\n# cat /proc/4711/syscall\n{PREAD}\n# cat /proc/4711/stat\n{STAT}\n"
    (whole,) = waits(text).values()
    assert (whole.state, whole.call, whole.wchan) == ("D", "pread64", "io_schedule")


def test_a_main_loop_that_waits_for_a_file_is_named() -> None:
    text = f"# cat /proc/4711/syscall\n{PREAD}\n# cat /proc/4711/stat\n{STAT}\n"
    report = conclude(Case(id="", guest=None, window=None, evidence=regions(text)))
    assert report.verdict.family == "qemu-blocked"
    assert any("pread64" in line.says and "state D" in line.says for line in report.story)


@pytest.mark.parametrize(
    "text",
    [
        "Name:           web01\nState:          paused\n",
        "Pid: the number\n",
        "Threads: many\n",
        "17 bottles\n",
        "VmRSS: a lot\n",
    ],
)
def test_words_are_no_status(text: str) -> None:
    assert all(region.kind is not Kind.PRINTED_FILES for region in regions(text))


def test_a_real_status() -> None:
    (region,) = regions(Path("/proc/self/status").read_text(encoding="utf-8"))
    (instant,) = decode_proc_status(region)
    assert isinstance(instant, WaitInstant)
    assert instant.threads[0].state == "R"
