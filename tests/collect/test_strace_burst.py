"""The strace burst on hosts that cannot be had on demand: whom it attaches to, and when it keeps its hands off."""

import asyncio

import pytest

from crazytrain.collect.strace_burst import COLLECTOR, collect_strace_burst, loop_threads
from crazytrain.decode.strace import decode_strace
from crazytrain.host.door import Finished
from crazytrain.host.fake import FakeHost
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome
from crazytrain.model.facts import Facts, TraceStory
from tests.collect.making import HOST_FILES, a_guest, look_at, process, stat

PID = 4711
THREADS = {4711: "qemu-system-x86", 4713: "IO disk0", 4714: "CPU 0/KVM", 4715: "IO mon_iothread", 4716: "worker"}
LINES = (
    b"strace: Process 4711 attached\nstrace: Process 4713 attached\n"
    b'[pid  4711] 1795419826.323576 read(7, "\\1\\0\\0\\0\\0\\0\\0\\0", 512) = 8 <0.000010>\n'
    b"[pid  4713] 1795419826.323676 read(9, 0x7ffc, 512) = -1 EAGAIN (Resource temporarily unavailable) <0.000010>\n"
    b"strace: Process 4711 detached\nstrace: Process 4713 detached\n"
)


def done(stdout: bytes = LINES, outcome: Outcome = Outcome.OK, detail: str = "") -> Finished:
    return Finished(status=0, stdout=stdout, stderr=b"", outcome=outcome, detail=detail, took_ns=250_000_000, cpu_ns=7)


def host_with(told: Finished | None = None, state: str = "S") -> FakeHost:
    files = {**HOST_FILES, **process(PID, "qemu-system-x86", ("qemu",), state=state, threads=THREADS)}
    for tid in THREADS:
        files[f"/proc/{PID}/task/{tid}/status"] = b"Name:\tqemu\nState:\tS (sleeping)\nTracerPid:\t0\n"
    return FakeHost(files, commands={"strace": done(), "sh": told or done()})


def collected(host: FakeHost) -> Evidence:
    look, kept = look_at(host, a_guest(PID), seconds=4)
    asyncio.run(collect_strace_burst(look))
    (evidence,) = kept
    assert (evidence.id, evidence.kind) == ("strace", Kind.STRACE)
    return evidence


def traced(host: FakeHost) -> list[int]:
    return [int(host.ran[0][at + 1]) for at, word in enumerate(host.ran[0]) if word == "-p"]


def test_the_main_loop_and_iothreads_are_traced_and_nobody_else() -> None:
    host = host_with()
    evidence = collected(host)
    assert traced(host) == [4711, 4713, 4715]
    assert "-f" not in host.ran[0]
    assert (evidence.outcome, evidence.data, evidence.cpu_ns) == (Outcome.OK, LINES, 7)
    assert (evidence.stall_ns, evidence.cost) == (30_000, Cost.STOPS)
    assert "estimated" in evidence.detail
    story = Facts(decode_strace(evidence)).get(TraceStory)
    assert story is not None
    assert (story.attached, story.calls) == ((4711, 4713), 2)
    assert COLLECTOR.run is collect_strace_burst


def test_it_comes_in_the_middle_of_the_window() -> None:
    host = host_with()
    look, kept = look_at(host, a_guest(PID), seconds=4)
    asyncio.run(collect_strace_burst(look))
    assert (kept[0].mono_ns - look.start_ns) / 1e9 == pytest.approx(1.875, abs=0.01)


def test_only_a_few_iothreads_are_traced() -> None:
    host = host_with()
    for tid in range(5000, 5100):
        host.files[f"/proc/{PID}/task/{tid}/comm"] = b"IO many\n"
    assert len(loop_threads(host, PID)) == 9


def test_a_guest_that_is_only_compared_with_is_never_stopped() -> None:
    host = host_with()
    look, kept = look_at(host, a_guest(PID), light=True)
    asyncio.run(collect_strace_burst(look))
    assert (kept, host.ran) == ([], [])


def test_without_strace_it_says_what_to_install() -> None:
    host = host_with()
    del host.commands["strace"]
    evidence = collected(host)
    assert evidence.outcome is Outcome.NO_TOOL
    assert "apt-get install strace" in evidence.detail


@pytest.mark.parametrize("tid", [4711, 4713])
def test_what_is_traced_already_is_left_alone(tid: int) -> None:
    host = host_with()
    host.files[f"/proc/{PID}/task/{tid}/status"] = b"Name:\tqemu\nTracerPid:\t99\n"
    host.files["/proc/99/comm"] = b"gdb\n"
    evidence = collected(host)
    assert (evidence.outcome, evidence.detail, host.ran) == (Outcome.ABSENT, "already traced by 99 (gdb)", [])


@pytest.mark.parametrize("state", ["T", "t"])
def test_what_is_stopped_is_left_alone(state: str) -> None:
    host = host_with(state=state)
    evidence = collected(host)
    assert (evidence.outcome, evidence.detail, host.ran) == (Outcome.ABSENT, "the process is stopped", [])


@pytest.mark.parametrize(
    ("scope", "capabilities", "hint"),
    [
        (b"1\n", set(), "kernel.yama.ptrace_scope=1 allows it to root only"),
        (b"3\n", {"CAP_SYS_PTRACE"}, "kernel.yama.ptrace_scope=3"),
        (None, set(), "run it as root or with CAP_SYS_PTRACE"),
    ],
)
def test_a_refusal_says_what_to_allow(scope: bytes | None, capabilities: set[str], hint: str) -> None:
    said = b"strace: attach: ptrace(PTRACE_SEIZE, 4711): Operation not permitted\n"
    host = host_with(done(said))
    host.capabilities = capabilities
    if scope is not None:
        host.files["/proc/sys/kernel/yama/ptrace_scope"] = scope
    evidence = collected(host)
    assert evidence.outcome is Outcome.DENIED
    assert "Operation not permitted" in evidence.detail
    assert hint in evidence.detail
    assert (evidence.data, evidence.stall_ns) == (b"", None)


def test_a_tracer_that_does_not_go_is_told() -> None:
    class Held(FakeHost):
        async def run(self, *args: object, **kwargs: object) -> Finished:
            self.files[f"/proc/{PID}/task/4713/status"] = b"TracerPid:\t4800\n"
            return await super().run(*args, **kwargs)  # type: ignore[arg-type]

    like = host_with()
    host = Held(like.files, commands=like.commands)
    assert "still traced by 4800" in collected(host).detail


def test_a_burst_of_many_lines_is_cut_between_two() -> None:
    call = b'1795419826.323576 read(7, "x", 1) = 1 <0.000010>\n'
    told = done(b"strace: Process 4711 attached\n" + call * 600 + call[:20], Outcome.TRUNCATED, "cut at 49152 bytes")
    evidence = collected(host_with(told))
    assert evidence.outcome is Outcome.OK
    assert evidence.data.count(b"\n") == 400
    assert evidence.data.endswith(call)
    assert evidence.stall_ns == 399 * 15_000


def test_a_strace_that_had_to_be_killed_is_told() -> None:
    evidence = collected(host_with(done(LINES, Outcome.TIMED_OUT, "did not end within 5 s")))
    assert evidence.outcome is Outcome.TRUNCATED
    assert evidence.data == LINES


def test_a_strace_that_says_nothing_we_know_is_told_as_it_is() -> None:
    evidence = collected(host_with(done(b"strace: invalid option -- 'z'\n")))
    assert (evidence.outcome, evidence.detail) == (Outcome.BROKE, "strace: invalid option -- 'z'")


def test_a_process_that_has_ended_is_told() -> None:
    host = host_with()
    host.files[f"/proc/{PID}/stat"] = stat(PID, "qemu-system-x86", start=999)
    evidence = collected(host)
    assert (evidence.outcome, host.ran) == (Outcome.ABSENT, [])
