"""What threads wait for is read at several instants; what hangs, is denied or ends is told as such."""

import asyncio
import struct

import pytest

from crazytrain.collect import oncpu, user_stacks
from crazytrain.collect.waits import THREAD_LIMIT, collect_waits
from crazytrain.host.door import Finished
from crazytrain.host.fake import FakeHost
from crazytrain.model.bundle import unpack
from crazytrain.model.evidence import Evidence, Kind, Outcome
from tests.collect.making import DENIED, HOST_FILES, ChangingHost, a_guest, look_at, process, stat

THREADS = {700: "qemu-system-x86", 705: "CPU 0/KVM"}
X86 = b"\x7fELF" + bytes(14) + struct.pack("<H", 62)
OPENS = b"257 0xffffff9c 0x1010 0x241 0x1b6 0x0 0x1 0x7000 0x4000\n"
WANTS = b"202 0x2000 0x80 0x2 0x0 0x0 0x0 0x7000 0x4000\n"
MEMORY = bytes(0x1010) + b"/srv/pipe\0secret" + bytes(0x2000 - 0x1020) + struct.pack("<IIiIII", 2, 0, 700, 1, 0, 0)
QEMU: dict[str, bytes | OSError] = {
    **HOST_FILES,
    **process(700, "qemu-system-x86", ["q"], threads=THREADS),
    "/proc/700/exe": X86,
    "/proc/700/mem": MEMORY,
    "/proc/700/task/700/syscall": OPENS,
    "/proc/700/task/705/syscall": WANTS,
    "/proc/700/task/700/wchan": b"wait_for_partner",
    "/proc/700/task/700/sched": b"q (700)\nse.exec_start : 5.000000\nse.vruntime : 7.0\nnr_switches : 3\n",
    "/proc/thread-self/sched": b"se.exec_start : 9.000000\n",
}


def collected(host: FakeHost, *, light: bool = False) -> list[Evidence]:
    look, kept = look_at(host, a_guest(700), light=light)
    asyncio.run(collect_waits(look))
    return kept


def parts(evidence: Evidence) -> dict[str, bytes]:
    return {part.name: part.data for part in unpack(evidence.data)}


def test_a_bundle_an_instant_with_what_calls_point_at() -> None:
    kept = collected(FakeHost(QEMU))
    assert [e.id for e in kept] == ["waits.0", "waits.1", "waits.2", "waits.3"]
    assert {e.outcome for e in kept} == {Outcome.OK}
    seen = parts(kept[0])
    assert seen["machine"] == b"x86_64"
    assert seen["/proc/700/task/700/path"] == b"/srv/pipe", "the path and nothing behind it"
    assert seen["/proc/700/task/705/futex"] == MEMORY[0x2000:].hex().encode()
    assert seen["/proc/700/task/700/sched"] == b"se.exec_start : 5.000000\nnr_switches : 3\n"
    assert seen["cpu0/sched"] == b"se.exec_start : 9.000000\n"


def test_a_light_look_has_two() -> None:
    assert [e.id for e in collected(FakeHost(QEMU), light=True)] == ["waits.0", "waits.1"]


def test_without_the_right_to_look_what_can_be_seen_is_kept() -> None:
    denied: dict[str, bytes | OSError] = {
        f"/proc/700/task/{tid}/{name}": DENIED for tid in THREADS for name in ("syscall", "stack")
    }
    (first, *_) = collected(FakeHost({**QEMU, **denied, "/proc/700/exe": DENIED}))
    assert first.outcome is Outcome.OK
    assert "denied" in first.detail
    assert parts(first)["/proc/700/task/700/wchan"] == b"wait_for_partner"


def test_memory_that_cannot_be_read_spoils_nothing() -> None:
    (first, *_) = collected(FakeHost({**QEMU, "/proc/700/mem": OSError(5, "Input/output error")}))
    assert first.outcome is Outcome.OK
    assert parts(first)["/proc/700/task/700/syscall"] == OPENS


def test_what_was_read_before_it_hung_is_kept() -> None:
    class Hanging(FakeHost):
        def read_at(self, path: str, offset: int, length: int) -> bytes:
            if path.endswith("/mem"):
                raise TimeoutError
            return super().read_at(path, offset, length)

        async def patiently(self, call: object, timeout_s: float) -> object:  # type: ignore[override]
            del timeout_s
            assert callable(call)
            call()
            raise TimeoutError("no answer within 2 s")

    (first, *_) = collected(Hanging(QEMU))
    assert first.outcome is Outcome.TRUNCATED
    assert "no answer" in first.detail
    assert parts(first)["/proc/700/task/705/syscall"] == WANTS


def test_a_pid_that_was_given_anew_is_never_read_as_the_guest() -> None:
    changes = [(900_000_000, "/proc/700/stat", stat(700, "qemu-system-x86", start=900))]
    kept = collected(ChangingHost(QEMU, changes))
    assert [e.outcome for e in kept] == [Outcome.OK, Outcome.OK, Outcome.ABSENT]


def test_threads_are_bounded_and_that_is_told() -> None:
    many = {700: "qemu-system-x86", 705: "CPU 0/KVM", **{800 + n: "worker" for n in range(THREAD_LIMIT - 1)}}
    kept = collected(FakeHost({**QEMU, **process(700, "qemu-system-x86", ["q"], threads=many)}))
    assert kept[0].outcome is Outcome.TRUNCATED
    assert kept[0].detail.startswith(f"{THREAD_LIMIT} of {THREAD_LIMIT + 1} threads")


@pytest.mark.parametrize("reason", ["denied", "gone"])
def test_stacks_that_cannot_be_had_say_why(reason: str) -> None:
    files = (
        {"/proc/700/syscall": DENIED, "/proc/700/maps": DENIED}
        if reason == "denied"
        else {"/proc/700/stat": OSError(2, "")}
    )
    look, kept = look_at(FakeHost({**QEMU, **files}), a_guest(700))
    asyncio.run(user_stacks.collect_user_stacks(look))
    assert [e.outcome for e in kept] == [Outcome.DENIED if reason == "denied" else Outcome.ABSENT]
    assert kept[0].detail


def test_a_processor_that_is_not_understood_is_told() -> None:
    maps = b"1000-2000 r-xp 00000000 08:01 77 /usr/bin/qemu-system-aarch64\n7000-8000 rw-p 00000000 00:00 0 [stack]\n"
    elf = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, 183, 1, 0, 64, 0, 0, 64, 56, 0, 64, 0, 0)
    here = {
        "/proc/700/maps": maps,
        "/proc/700/map_files/1000-2000": elf,
        "/proc/700/task/700/syscall": b"56 0x0 0x0 0x0 0x0 0x0 0x0 0x7000 0x1004\n",
        "/proc/700/mem": bytes(0x8000),
        "/proc/700/syscall": b"running",
    }
    look, kept = look_at(FakeHost({**QEMU, **here}), a_guest(700))
    asyncio.run(user_stacks.collect_user_stacks(look))
    assert kept[0].outcome is Outcome.ABSENT
    assert "EM_AARCH64" in kept[0].detail


BUSY = {"/proc/700/task/700/schedstat": b"1000 10 1\n"}


def sampled(host: FakeHost) -> Evidence:
    look, kept = look_at(host, a_guest(700))
    asyncio.run(oncpu.collect_oncpu(look))
    (one,) = kept
    assert (one.id, one.kind) == ("oncpu", Kind.ONCPU)
    return one


def perf(stdout: bytes, stderr: bytes = b"", outcome: Outcome = Outcome.OK) -> dict[str, Finished]:
    ran = Finished(status=0, stdout=stdout, stderr=stderr, outcome=outcome, detail="")
    return {"perf": ran, "sh": ran}


class Burning(ChangingHost):
    """A thread takes the CPU in the first quarter of the window."""

    def __init__(self, commands: dict[str, Finished]) -> None:
        super().__init__(QEMU, [(400_000_000, "/proc/700/task/700/schedstat", b"400000000 10 1\n")])
        self.commands = commands


@pytest.mark.parametrize(
    ("host", "outcome", "says"),
    [
        (FakeHost(QEMU), Outcome.NO_TOOL, "linux-perf"),
        (FakeHost(QEMU, commands=perf(b"")), Outcome.ABSENT, "nothing burns"),
        (Burning(perf(b"", b"perf_event_open: Permission denied")), Outcome.DENIED, "CAP_PERFMON"),
        (Burning(perf(b"", b"")), Outcome.ABSENT, "no samples"),
        (Burning(perf(b"", b"", Outcome.TIMED_OUT)), Outcome.TIMED_OUT, ""),
    ],
)
def test_why_there_are_no_samples(host: FakeHost, outcome: Outcome, says: str) -> None:
    one = sampled(host)
    assert one.outcome is outcome
    assert says in one.detail
    assert one.data == b""


def test_samples_are_kept_whole() -> None:
    whole = b"q 700 1.000001: \n\t  abc f+0x1 (/usr/bin/q)\n\n"
    one = sampled(Burning(perf(whole + b"q 700 1.02")))
    assert (one.outcome, one.data) == (Outcome.OK, whole[:-1])
    assert one.source.startswith("perf record -F 99 ")
