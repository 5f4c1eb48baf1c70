"""What a thread waits for, read from the files of /proc as Linux writes them."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.waits import decode_waits
from crazytrain.model.bundle import Part, pack
from crazytrain.model.evidence import Evidence, Kind, Outcome
from crazytrain.model.facts.waits import LockWords, ThreadWait, WaitInstant

SCHED = (
    b"se.exec_start                                :      %d.%06d\nnr_switches                                  :  7\n"
)


def stat(tid: int, state: str = "S", cpu: int = 1) -> bytes:
    fields = [state, *(["0"] * 18), "500", *(["0"] * 16), str(cpu), *(["0"] * 15)]
    return f"{tid} (CPU 0/KVM) {' '.join(fields)}\n".encode()


def thread(tid: int = 4711, **files: bytes) -> list[Part]:
    known = {"stat": stat(tid), "comm": b"CPU 0/KVM\n", **files}
    return [Part(f"/proc/4710/task/{tid}/{name}", data) for name, data in known.items()]


def decoded(*parts: Part, machine: bytes = b"x86_64") -> ThreadWait:
    data = pack((Part("machine", machine), *parts))
    (instant,) = decode_waits(Evidence(id="waits.0", kind=Kind.WAITS, source="made", data=data, mono_ns=9))
    assert isinstance(instant, WaitInstant)
    return instant.threads[0]


def test_a_call_with_its_arguments() -> None:
    line = b"257 0xffffff9c 0x564d0cb2fa40 0x241 0x1b6 0x0 0x1 0x7ffe6d09bb10 0x7fbe50528090\n"
    wait = decoded(*thread(syscall=line, wchan=b"wait_for_partner", path=b"/srv/pipe"))
    assert (wait.call, wait.arguments[2], wait.path, wait.wchan) == ("openat", 0x241, "/srv/pipe", "wait_for_partner")
    assert wait.line


@pytest.mark.parametrize(
    ("line", "call"),
    [
        (b"running\n", ""),
        (b"-1 0x7ffe6d09bb10 0x7fbe50528090\n", "page fault"),
        (b"16 0xe 0xae80 0x0 0x0 0x564d0a60a290 0x0 0x0 0x0\n", ""),  # a kernel thread in the process
        (b"0 0x3 0x1 0x2 0x0 0x0 0x0 0x7ffe6d09bb10 0x7fbe50528090\n", "read"),
        (b"999 0x3 0x1 0x2 0x0 0x0 0x0 0x7ffe6d09bb10 0x7fbe50528090\n", "syscall 999"),
        (b"", ""),
    ],
)
def test_what_syscall_may_read(line: bytes, call: str) -> None:
    assert decoded(*thread(syscall=line)).call == call


def test_numbers_are_those_of_the_program_s_architecture() -> None:
    line = b"67 0x8 0x1 0x1000 0x0 0x0 0x0 0x7ffe6d09bb10 0x7fbe50528090\n"
    assert decoded(*thread(syscall=line), machine=b"aarch64").call == "pread64"
    assert decoded(*thread(syscall=line), machine=b"x86_64").call != "pread64"


def test_for_how_long_by_the_clock_of_the_cpu_it_was_on() -> None:
    other = Part("cpu0/sched", SCHED % (9_000_000, 0))
    ours = Part("cpu1/sched", SCHED % (12_345, 678_901))
    files = thread(sched=SCHED % (2_345, 678_900))
    assert decoded(other, ours, *files).asleep_ns == 10_000_000_001
    assert decoded(other, *files).asleep_ns is None, "no clock of its CPU"
    running = thread(stat=stat(4711, "R"), sched=SCHED % (2_345, 678_900))
    assert decoded(other, ours, *running).asleep_ns is None, "it does not sleep"


@pytest.mark.parametrize(
    ("call", "third", "bytes_there", "limit", "endless"),
    [
        (271, 0, None, None, True),
        (271, 0x7FFE, struct.pack("<qq", 0, 122_000), 122_000, False),
        (271, 0x7FFE, struct.pack("<qq", 1 << 40, 0), None, True),
        (271, 0x7FFE, b"ab", None, False),
        (7, 0xFFFFFFFF, None, None, True),
        (7, 500, None, 500_000_000, False),
    ],
)
def test_the_limit_of_a_wait(
    call: int, third: int, bytes_there: bytes | None, limit: int | None, endless: bool
) -> None:
    line = f"{call} 0x1 0x1 {third:#x} 0x0 0x0 0x0 0x7ffe6d09bb10 0x7fbe50528090\n".encode()
    there = [] if bytes_there is None else [Part("/proc/4710/task/4711/timeout", bytes_there.hex().encode())]
    wait = decoded(*thread(syscall=line), *there)
    assert (wait.timeout_ns, wait.endless) == (limit, endless)


def test_a_lock_s_words_and_the_kernel_s_functions() -> None:
    words = struct.pack("<IIiIII", 2, 0, 28005, 1, 0, 0)
    stack = b"[<0>] futex_do_wait+0x46/0x90\n[<0>] do_syscall_64+0x71/0x280\nno frame\n"
    wait = decoded(*thread(futex=words.hex().encode(), stack=stack, schedstat=b"99 7 12\n"))
    assert wait.lock == LockWords(2, 0, 28005, 1, 0)
    assert wait.kernel == ("futex_do_wait", "do_syscall_64")
    assert (wait.run_ns, wait.runs) == (99, 12)


def test_what_was_denied_is_not_known() -> None:
    denied = [Part(f"/proc/1/task/2/{name}", outcome=Outcome.DENIED) for name in ("syscall", "stack", "sched")]
    wait = decoded(Part("/proc/1/task/2/stat", stat(2)), *denied)
    assert (wait.call, wait.kernel, wait.asleep_ns, wait.comm) == ("", (), None, "CPU 0/KVM")


NAMES = st.sampled_from(["stat", "syscall", "sched", "schedstat", "stack", "futex", "timeout", "path", "wchan", "comm"])


@given(st.lists(st.tuples(NAMES, st.binary(max_size=200)), max_size=12), st.binary(max_size=20))
def test_any_bytes_give_facts_or_nothing(files: list[tuple[str, bytes]], machine: bytes) -> None:
    parts = [Part(f"/proc/1/task/2/{name}", data) for name, data in files]
    data = pack((Part("machine", machine), Part("cpu1/sched", machine), *parts))
    list(decode_waits(Evidence(id="waits.0", kind=Kind.WAITS, source="made", data=data)))
