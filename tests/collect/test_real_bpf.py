"""What the kernel counts, against processes and guests that make a known number of calls."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from crazytrain.collect.bpf import collect_bpf
from crazytrain.collect.bpf_kvm import MOST_PVCLOCK_LINES, ONE_IN
from crazytrain.collect.bpf_program import MOST_KEYS
from crazytrain.decode.bpf import decode_bpf
from crazytrain.host import LiveHost
from crazytrain.lab.machine import kvm_trouble
from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.facts import CallUse, Facts, KvmExits, SyscallUse, WaitUse
from crazytrain.model.guest import Accelerator
from tests.collect.real import (
    PATIENCE_S,
    attached_tracers,
    collected_while,
    collecting_elsewhere,
    descriptors_of,
    guest_of,
    known_calls,
    look_at,
    made_by,
    need,
    running,
    until,
    with_sibling,
)
from tests.support import skip_real

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
WINDOW_S = 10.0  # counted in the first part of it: time enough on a loaded host

# Boot sector: in each turn one read of the VGA text screen, one write of kvmclock's register, one byte to the
# debug console. A guest in real mode, so that the firmware's work is over.
MIXED = """
bits 16
org 0x7c00
    cli
    mov ax, 0xb800
    mov es, ax
again:
    mov al, [es:0]
    mov ecx, 0x4b564d01
    mov eax, 0x8001
    xor edx, edx
    wrmsr
    mov al, '.'
    out 0xe9, al
    jmp again
    times 510 - ($ - $$) db 0
    dw 0xaa55
"""


@pytest.fixture(autouse=True)
def _can_run() -> None:
    need("bpftrace")


def facts_of(kept: list[Evidence], outcome: Outcome = Outcome.OK) -> tuple[Evidence, Facts]:
    (evidence,) = kept
    assert (evidence.id, evidence.outcome) == ("bpf", outcome), evidence.detail
    return evidence, Facts(decode_bpf(evidence))


def calls_of(facts: Facts) -> SyscallUse:
    use = facts.get(SyscallUse)
    assert use is not None
    return use


def call(facts: Facts, name: str, fd: int | None) -> CallUse:
    (found,) = (c for c in calls_of(facts).calls if (c.call, c.fd) == (name, fd))
    return found


def wait(facts: Facts, name: str) -> WaitUse:
    (found,) = (w for w in calls_of(facts).waits if w.call == name)
    return found


def errors(use: CallUse) -> dict[str, int]:
    return {error.errno: error.count for error in use.errors}


def buckets(use: WaitUse) -> list[tuple[int, int, int]]:
    return [(b.low_ns, b.high_ns, b.count) for b in use.buckets]


def test_calls_errors_and_timeouts_are_exactly_those_made() -> None:
    with known_calls() as child:
        fds = descriptors_of(child)
        look, kept = look_at(guest_of(child.pid), WINDOW_S)
        collected_while(collect_bpf(look), lambda: made_by(child))
    evidence, facts = facts_of(kept)
    assert {c.tid for c in calls_of(facts).calls} == {child.pid}
    reads, seeks = call(facts, "read", fds["pipe"]), call(facts, "lseek", fds["pipe"])
    assert (reads.count, errors(reads)) == (107, {"EAGAIN": 7})
    assert (call(facts, "write", fds["into_pipe"]).count, seeks.count, errors(seeks)) == (100, 3, {"ESPIPE": 3})
    ioctls = call(facts, "ioctl", fds["null"])
    assert (ioctls.count, errors(ioctls), ioctls.time_ns) == (2, {"ENOTTY": 2}, None)
    ppoll = wait(facts, "ppoll")
    assert buckets(ppoll) == [(1 << 17, 1 << 18, 5), (4_000_000_000, 8_000_000_000, 4)]
    assert (ppoll.count, ppoll.zero, ppoll.infinite) == (14, 3, 2)
    assert call(facts, "ppoll", None).count == 14
    assert (call(facts, "ppoll", None).time_ns or 0) >= 5 * 250_000
    poll, epoll = wait(facts, "poll"), wait(facts, "epoll_wait")
    assert (poll.infinite, buckets(poll)) == (6, [(1 << 23, 1 << 24, 2)])
    assert (epoll.count, epoll.zero, call(facts, "epoll_wait", fds["epoll"]).count) == (8, 8, 8)
    (select,) = (w for w in calls_of(facts).waits if w.call in ("select", "pselect6"))
    assert (select.count, sum(b.count for b in select.buckets)) == (2, 2)
    assert evidence.cpu_ns is not None
    assert evidence.cpu_ns > 0


def test_a_call_that_does_not_come_back_counts_with_its_time_so_far() -> None:
    with known_calls() as child:
        fds = descriptors_of(child)
        look, kept = look_at(guest_of(child.pid), WINDOW_S)
        collected_while(collect_bpf(look), lambda: made_by(child))
    waiting = call(facts_of(kept)[1], "read", 0)
    assert fds["pipe"] != 0
    assert waiting.count == 1
    assert (waiting.time_ns or 0) > 0


def test_the_window_is_the_time_in_which_it_was_counted() -> None:
    with running("sleep", "60") as child:
        look, kept = look_at(guest_of(child.pid), WINDOW_S)
        asyncio.run(collect_bpf(look))
    evidence, facts = facts_of(kept)
    window_ns = calls_of(facts).window_ns
    assert window_ns is not None
    assert 0 < window_ns <= evidence.took_ns
    assert calls_of(facts).calls == ()


def test_two_guests_in_one_run_are_kept_apart() -> None:
    with known_calls() as one, known_calls() as other:
        fds = descriptors_of(one)
        descriptors_of(other)
        (look, kept), (beside, kept_beside) = (
            look_at(guest_of(one.pid), WINDOW_S),
            look_at(guest_of(other.pid), WINDOW_S),
        )
        collected_while(collect_bpf(with_sibling(look, beside)), lambda: made_by(one))
    (evidence, facts), (evidence_beside, facts_beside) = facts_of(kept), facts_of(kept_beside)
    assert evidence.data.split(b"\n", 1)[1] == evidence_beside.data.split(b"\n", 1)[1]
    assert call(facts, "write", fds["into_pipe"]).count == 100
    assert calls_of(facts_beside).calls == ()
    assert evidence_beside.cpu_ns is None


def test_more_descriptors_than_a_map_holds_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "crazytrain.collect.bpf_program.ENOUGH", 100 * MOST_KEYS
    )  # else it would end before the map is full
    with known_calls(str(MOST_KEYS + 100)) as child:
        descriptors_of(child)
        look, kept = look_at(guest_of(child.pid), WINDOW_S)
        collected_while(collect_bpf(look), lambda: made_by(child))
    evidence, _ = facts_of(kept, Outcome.TRUNCATED)
    assert "@call" in evidence.detail


def test_where_tracefs_is_not_mounted_it_is_mounted_for_bpftrace_alone() -> None:
    need("unshare")
    before = Path("/proc/self/mountinfo").read_text()
    with known_calls() as child:
        descriptors_of(child)
        program = (
            "import asyncio, sys, pathlib\n"
            "from crazytrain.collect.bpf import collect_bpf\n"
            "from tests.collect.real import guest_of, look_at\n"
            "assert not list(pathlib.Path('/sys/kernel/tracing').iterdir())\n"
            "look, kept = look_at(guest_of(int(sys.argv[1])), 2.0)\n"
            "asyncio.run(collect_bpf(look))\n"
            "assert not list(pathlib.Path('/sys/kernel/tracing').iterdir())\n"
            "sys.stdout.buffer.write(kept[0].data)\n"
            "sys.exit(kept[0].detail or 0)\n"
        )
        alone = "{ mount --make-rprivate / || mount --make-rprivate /sys; } 2>/dev/null"
        bare = f'{alone} && umount -a -t tracefs; exec "$@"'
        python = (
            "unshare",
            "--mount",
            "--propagation",
            "unchanged",
            "sh",
            "-c",
            bare,
            "sh",
            sys.executable,
            "-c",
            program,
            str(child.pid),
        )
        done = subprocess.run(python, capture_output=True, check=False, cwd=Path(__file__).parents[2], timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    assert b'"left_out":[]' in done.stdout
    assert b"@until" in done.stdout
    assert Path("/proc/self/mountinfo").read_text() == before


def test_killed_while_it_counts_it_leaves_no_tracer() -> None:
    with running("sleep", "300") as child:
        collector = collecting_elsewhere("bpf", child.pid, 60)
        try:
            until(lambda: attached_tracers(collector.pid), "it traces")
            (tracer,) = attached_tracers(collector.pid)
        finally:
            collector.kill()
            collector.wait()
        until(lambda: not Path(f"/proc/{tracer}").exists(), "bpftrace is gone")
        assert child.poll() is None


def test_the_tracer_that_is_left_behind_when_all_is_told_is_soon_gone() -> None:
    with running("sleep", "300") as child:
        look, kept = look_at(guest_of(child.pid), 0.1)
        tracers: set[int] = set()

        async def watching() -> None:
            work = asyncio.ensure_future(collect_bpf(look))
            while not work.done():
                tracers.update(await asyncio.to_thread(attached_tracers))
            await work

        asyncio.run(watching())
        facts_of(kept)
        assert tracers
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in tracers), "no tracer and no zombie of it stays")


def test_a_program_that_nobody_stops_ends_by_itself() -> None:
    with running("sleep", "300") as child:
        look, kept = look_at(guest_of(child.pid), 0.1)
        begin = LiveHost().mono_ns()
        asyncio.run(collect_bpf(look))
    facts_of(kept)
    assert LiveHost().mono_ns() - begin < PATIENCE_S * 1e9


@contextlib.contextmanager
def booted(source: str, folder: Path, *options: str, console: bool = True) -> Iterator[subprocess.Popen[str]]:
    """A guest that runs a boot sector; it has begun to write to its debug console, where it has one."""
    need("nasm", "qemu-system-x86_64")
    if trouble := kvm_trouble():
        skip_real(trouble)
    (folder / "boot.asm").write_text(source)
    subprocess.run(("nasm", "-f", "bin", "boot.asm", "-o", "boot.img"), cwd=folder, check=True)
    dots = folder / "dots"
    qemu = (
        *("qemu-system-x86_64", "-accel", "kvm", "-m", "32", "-display", "none", "-vga", "std", "-net", "none"),
        *("-serial", "none", "-monitor", "none", "-name", "guest=bpf-test,debug-threads=on"),
        *("-drive", f"file={folder}/boot.img,format=raw,if=ide,snapshot=on"),
    )
    debugcon = ("-chardev", f"file,id=d,path={dots}", "-device", "isa-debugcon,iobase=0xe9,chardev=d")
    with running(*qemu, *(debugcon if console else ()), *options) as process:
        if console:
            until(lambda: dots.exists() and dots.stat().st_size > 100, "the boot sector runs")
        yield process


def test_what_kvm_does_for_a_guest(tmp_path: Path) -> None:
    with booted(MIXED, tmp_path) as qemu:
        fds = {int(path.name): str(path.readlink()) for path in Path(f"/proc/{qemu.pid}/fd").iterdir()}
        look, kept = look_at(guest_of(qemu.pid), WINDOW_S)
        asyncio.run(collect_bpf(look))
    _, facts = facts_of(kept)
    exits = facts.get(KvmExits)
    assert exits is not None
    dots = sum(p.count for p in exits.ports if (p.port, p.write) == (0xE9, True))
    assert dots > 100
    (port,) = (p for p in exits.ports if p.port == 0xE9)
    assert port.owner == "debug console"
    (page,) = (m for m in exits.mmio if not m.write)
    assert page.page == 0xB8000
    assert page.count == pytest.approx(dots, rel=0.1)  # looks and counts begin and end some ms apart on a busy host
    (register,) = (m for m in exits.msrs if m.index == 0x4B564D01)
    assert (register.write, register.name) == (True, "kvmclock system time")
    assert register.count == pytest.approx(dots, rel=0.05)
    assert len(exits.pvclock_updates) == MOST_PVCLOCK_LINES
    assert {update.vcpu for update in exits.pvclock_updates} == {0}
    assert all(update.tsc_timestamp for update in exits.pvclock_updates)
    runs = [c for c in calls_of(facts).calls if c.call == "ioctl" and "kvm-vcpu" in fds.get(c.fd or 0, "")]
    (run,) = runs
    assert run.count == sum(e.count for e in exits.userspace) == pytest.approx(2 * dots, rel=0.05)
    assert {e.reason for e in exits.userspace} >= {"IO", "MMIO"}
    timed = {t.reason: t for t in exits.outside}
    assert {"IO", "MMIO"} <= set(timed)
    assert all(t.tid == run.tid and t.mean_ns > 0 for t in exits.outside)
    sampled, left = sum(t.samples for t in exits.outside), sum(e.count for e in exits.userspace)
    assert sampled == pytest.approx(left / ONE_IN, rel=0.5)


def test_a_guest_without_kvm_has_no_kvm_facts() -> None:
    with running("sleep", "300") as child:
        look, kept = look_at(guest_of(child.pid, Accelerator.TCG), 1.0)
        asyncio.run(collect_bpf(look))
    assert facts_of(kept)[1].get(KvmExits) is None
