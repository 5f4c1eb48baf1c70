"""What is asked of which monitor, when, and what is kept when it does not answer."""

import asyncio
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest

from crazytrain.collect.look import Look
from crazytrain.collect.monitor import COLLECTOR, collect_monitor
from crazytrain.collect.monitor_questions import COUNTERS, DISKS, NEVER, QUESTIONS
from crazytrain.collect.vcpus import collect_vcpus
from crazytrain.decode.qmp import decode_qmp
from crazytrain.derive.interrupts import derive_interrupts
from crazytrain.derive.kvm_stats import derive_kvm_stats
from crazytrain.host.door import Finished
from crazytrain.host.fake import FakeHost
from crazytrain.host.live import LiveHost
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome
from crazytrain.model.facts import MONITOR_BUSY, Facts
from crazytrain.model.guest import Accelerator, Guest, Manager
from tests.collect.making import HOST_FILES, a_guest, look_at, process, stat
from tests.support import skip_real
from tests.tiny import HALT, RTC, boot, until

SOCKET = "/run/web01.qmp"
OWN = ("-qmp", f"unix:{SOCKET},server=on,wait=off")
LINE = b'{"execute": "query-status", "return": {"status": "running"}, "mono_ns": 5, "took_ns": 1}\n'
FILES = {**HOST_FILES, **process(700, "qemu", ["q"])}
GREETS = (LINE, Outcome.OK, "")


def guest(*argv: str, manager: Manager = Manager.PLAIN, accelerator: Accelerator = Accelerator.KVM) -> Guest:
    return msgspec.structs.replace(
        a_guest(700), command_line=("qemu", *argv), manager=manager, accelerator=accelerator, uuid=""
    )


def collected(host: FakeHost, asked: Guest, *, seconds: float = 5.0) -> tuple[list[Evidence], Look]:
    look, kept = look_at(host, asked, seconds=seconds)
    asyncio.run(collect_monitor(look))
    return kept, look


def executed(commands: tuple[bytes, ...]) -> list[str]:
    asked = [json.loads(command) for command in commands]
    return [one.get("arguments", {}).get("command-line", one["execute"]) for one in asked]


def test_both_ends_of_the_window_are_asked() -> None:
    host = FakeHost(FILES, monitors={SOCKET: GREETS})
    kept, look = collected(host, guest(*OWN))
    assert [(e.id, e.kind, e.outcome, e.data, e.cost) for e in kept] == [
        (f"qmp.{i}", Kind.QMP, Outcome.OK, LINE, Cost.SAMPLES) for i in (0, 1)
    ]
    assert [e.source for e in kept] == [f"QMP unix:{SOCKET}"] * 2
    assert kept[0].mono_ns < look.start_ns + 10_000_000
    assert look.end_ns <= kept[1].mono_ns < look.end_ns + 10_000_000
    first, second = (executed(commands) for _, commands in host.asked)
    assert first[:2] == second[:2] == ["info irq", "query-stats"]  # as far apart as the window is long
    assert set(second) < set(first)
    assert {"query-status", "query-blockstats", "query-migrate", "qom-get"} <= set(second)
    assert {"query-block", "query-chardev", "query-name"} <= set(first)
    once = {"query-version", "query-kvm", "query-cpus-fast", "query-vnc-servers", "query-spice"}
    assert once <= set(first)  # what stays as it is, or of which one look tells enough
    assert not once & set(second)


def test_counters_of_kvm_are_not_asked_for_under_tcg() -> None:
    host = FakeHost(FILES, monitors={SOCKET: GREETS})
    collected(host, guest(*OWN, accelerator=Accelerator.TCG))
    assert "query-stats" not in executed(host.asked[0][1])


def test_one_that_does_not_answer_is_tried_once_more_within_the_window() -> None:
    host = FakeHost(FILES, monitors={SOCKET: (b"", Outcome.TIMED_OUT, "hangs")})
    kept, look = collected(host, guest(*OWN))
    assert [(e.outcome, e.detail, e.data) for e in kept] == [(Outcome.TIMED_OUT, "hangs", b"")] * 2
    assert kept[1].mono_ns < look.end_ns


@pytest.mark.parametrize("outcome", [Outcome.ABSENT, Outcome.DENIED, Outcome.BROKE])
def test_one_that_is_not_there_is_not_tried_again(outcome: Outcome) -> None:
    kept, _ = collected(FakeHost(FILES, monitors={SOCKET: (b"", outcome, "why")}), guest(*OWN))
    assert [(e.id, e.outcome, e.detail) for e in kept] == [("qmp.0", outcome, "why")]


def test_the_second_socket_is_asked_when_the_first_is_busy() -> None:
    monitors = {"/a": (b"", Outcome.TIMED_OUT, MONITOR_BUSY), "/b": GREETS}
    host = FakeHost(FILES, monitors=monitors)
    kept, _ = collected(host, guest("-qmp", "unix:/a,server", "-qmp", "unix:/b,server", "-qmp", "unix:/c,server"))
    assert [e.source for e in kept] == ["QMP unix:/b"] * 2
    assert [path for path, _ in host.asked] == ["/a", "/b"] * 2


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        ((), "there is no monitor on the command line"),
        (("-monitor", "unix:/m,server"), "no QMP socket that we may ask: socket:/m is a monitor for people (HMP)"),
        (("-qmp", "tcp:localhost:4444,server"), "no QMP socket that we may ask: QMP on tcp"),
        (("-qmp", "unix:/m"), "no QMP socket that we may ask: socket:/m is a socket to which QEMU connects"),
    ],
)
def test_why_nobody_can_be_asked(argv: tuple[str, ...], why: str) -> None:
    kept, _ = collected(FakeHost(FILES), guest(*argv))
    assert [(e.outcome, e.detail) for e in kept] == [(Outcome.ABSENT, why)]


LIBVIRT = ("-chardev", "socket,id=charmonitor,fd=3,server=on", "-mon", "chardev=charmonitor,mode=control")
ANSWERED = Finished(status=0, stdout=b'{"return": 7}\n\n(Time: 1.000 ms)\n\n' * 30, stderr=b"", outcome=Outcome.OK)


def test_libvirts_monitor_is_asked_through_libvirt() -> None:
    host = FakeHost(FILES, commands={"virsh": ANSWERED})
    kept, _ = collected(host, guest(*LIBVIRT, manager=Manager.LIBVIRT))
    assert [e.outcome for e in kept] == [Outcome.OK] * 2
    assert kept[0].source == "virsh qemu-monitor-command web01 (libvirt marks the domain: custom-monitor)"
    assert host.asked == []
    assert json.loads(kept[1].data.splitlines()[0])["return"] == 7


def test_what_libvirt_tells_by_its_own_calls_is_not_asked_behind_its_back() -> None:
    host = FakeHost(FILES, commands={"virsh": ANSWERED})
    collected(host, guest(*LIBVIRT, manager=Manager.LIBVIRT))
    asked = " ".join(word for argv in host.ran for word in argv)
    assert "info irq" in asked
    for other_way in (
        "query-status",
        "query-stats",
        "query-blockstats",
        "query-block",
        "query-migrate",
        "query-balloon",
    ):
        assert f'"{other_way}"' not in asked


def test_a_stopped_guest_of_libvirts_is_not_asked_about() -> None:
    stopped = {**HOST_FILES, **process(700, "qemu", ["q"], state="T")}
    host = FakeHost(stopped, commands={"virsh": ANSWERED})
    kept, _ = collected(host, guest(*LIBVIRT, manager=Manager.LIBVIRT))
    assert [e.outcome for e in kept] == [Outcome.TIMED_OUT] * 2
    assert "is stopped" in kept[0].detail
    assert host.ran == []


def test_disks_are_not_asked_about_while_a_thread_waits_for_storage() -> None:
    waits = {**process(700, "qemu", ["q"], threads={700: "qemu", 701: "worker"})}
    waits["/proc/700/task/701/stat"] = stat(701, "wor) ker", state="D")
    host = FakeHost({**HOST_FILES, **waits}, monitors={SOCKET: GREETS})
    kept, _ = collected(host, guest(*OWN))
    assert "query-block" not in executed(host.asked[0][1])
    assert "query-blockstats" in executed(host.asked[0][1])
    assert kept[0].detail == "query-block was left out: thread 701 (wor) ker) waits for storage"


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("wchan", b"request_wait_answer"),
        ("wchan", b"rpc_wait_bit_killable"),
        ("syscall", b"296 0x9 0x7f0000001000 0x2 0x10000 0x0 0x0 0x7fff12345678 0x7f0000002000\n"),
    ],
)
def test_a_thread_may_wait_for_storage_in_state_s_as_well(file: str, told: bytes) -> None:
    """A FUSE server or NFS that does not answer leaves the thread killable, or simply asleep in its write."""
    waits = {**process(700, "qemu", ["q"], threads={700: "qemu", 701: "worker"})}
    waits[f"/proc/700/task/701/{file}"] = told
    host = FakeHost({**HOST_FILES, **waits}, monitors={SOCKET: GREETS})
    kept, _ = collected(host, guest(*OWN))
    assert "query-block" not in executed(host.asked[0][1])
    assert kept[0].detail == "query-block was left out: thread 701 (worker) waits for storage"


def test_a_thread_that_reads_on_does_not_wait_for_storage() -> None:
    class Reading(FakeHost):
        """Each time one looks, its worker reads another part of the image."""

        def read(self, path: str, limit_bytes: int = 4096) -> bytes:
            if path.endswith("/701/syscall"):
                return b"17 0x9 0x7f0000001000 0x1000 %#x 0x0 0x0 0x7fff12345678 0x7f0000002000\n" % self.mono_ns()
            return super().read(path, limit_bytes)

    threads = process(700, "qemu", ["q"], threads={700: "qemu", 701: "worker"})
    host = Reading({**HOST_FILES, **threads}, monitors={SOCKET: GREETS})
    collected(host, guest(*OWN))
    assert "query-block" in executed(host.asked[0][1])


def in_postcopy() -> FakeHost:
    files = {**HOST_FILES, **process(700, "qemu", ["q"], threads={700: "qemu", 701: "CPU 0/KVM"})}
    files["/proc/700/task/701/wchan"] = b"handle_userfault"
    return FakeHost(files, monitors={SOCKET: GREETS})


def test_a_vcpu_that_waits_for_a_page_is_asked_nothing() -> None:
    """QEMU's main loop would wait for the vCPU's answer, and the vCPU waits for another host."""
    host = in_postcopy()
    kept, _ = collected(host, guest(*OWN))
    assert not any("query-stats" in executed(commands) for _, commands in host.asked)
    assert "query-status" in executed(host.asked[0][1])
    assert kept[0].outcome is Outcome.OK
    assert (
        "KVM's counters were left out: thread 701 (CPU 0/KVM) waits for a page of the guest's memory" in kept[0].detail
    )


def test_its_registers_are_not_asked_for_either() -> None:
    host = in_postcopy()
    look, kept = look_at(host, guest(*OWN), seconds=5)
    asyncio.run(collect_vcpus(look))
    assert host.asked == []
    assert [e.outcome for e in kept] == [Outcome.ABSENT]
    assert kept[0].detail.startswith("not asked: thread 701 (CPU 0/KVM) waits for a page")


def test_a_light_look_asks_for_less() -> None:
    host = FakeHost(FILES, monitors={SOCKET: GREETS})
    look, _ = look_at(host, guest(*OWN), seconds=5, light=True)
    asyncio.run(collect_monitor(look))
    assert executed(host.asked[0][1]) == [
        *("info irq", "query-stats", "query-blockstats", "query-status", "query-version"),
        *("query-kvm", "query-cpus-fast", "query-migrate"),
    ]


def test_what_disturbs_is_never_asked() -> None:
    asked = {one.asks for one in (*QUESTIONS, DISKS, COUNTERS)}
    assert asked.isdisjoint(NEVER)
    assert all(one.safe_because for one in QUESTIONS)


def test_proxmox_gets_its_monitor_back_sooner() -> None:
    holds: list[float] = []

    class Holding(FakeHost):
        async def converse(self, *words: Any, hold_s: float = 2.0, **more: Any) -> tuple[bytes, Outcome, str]:
            holds.append(hold_s)
            return await super().converse(*words, hold_s=hold_s, **more)

    for manager in (Manager.PLAIN, Manager.PROXMOX):
        collected(Holding(FILES, monitors={SOCKET: GREETS}), guest(*OWN, manager=manager))
    assert holds == [2.0, 2.0, 1.0, 1.0]


def test_libvirts_monitor_is_never_connected_to() -> None:
    argv = (
        "-chardev",
        "socket,id=x,path=/var/lib/libvirt/qemu/d/monitor.sock,server",
        "-mon",
        "chardev=x,mode=control",
    )
    host = FakeHost(FILES, monitors={"/var/lib/libvirt/qemu/d/monitor.sock": GREETS})
    kept, _ = collected(host, guest(*argv))  # even where we do not know that libvirt manages it
    assert host.asked == []
    assert [(e.outcome, e.detail) for e in kept] == [
        (Outcome.ABSENT, "no QMP socket that we may ask: libvirt's own monitor, left to libvirt")
    ]
    kept, _ = collected(host, guest(*argv, manager=Manager.LIBVIRT))
    assert [(e.outcome, e.detail) for e in kept] == [(Outcome.NO_TOOL, "virsh is not installed")]


def test_a_socket_of_its_own_comes_before_libvirts() -> None:
    host = FakeHost(FILES, monitors={SOCKET: GREETS}, commands={"virsh": ANSWERED})
    collected(host, guest(*LIBVIRT, *OWN, manager=Manager.LIBVIRT))
    assert host.ran == []


def test_another_process_by_the_same_pid_is_not_asked() -> None:
    host = FakeHost({**HOST_FILES, **process(700, "vim", ["vim"], start=501)}, monitors={SOCKET: GREETS})
    kept, _ = collected(host, guest(*OWN))
    assert [(e.outcome, e.detail) for e in kept] == [(Outcome.ABSENT, "pid 700 is another process now")]
    assert host.asked == []


def live(asked: Guest, seconds: float) -> tuple[list[Evidence], int]:
    """Look at a real guest; also gives how many ns it took beyond the window."""
    host, kept = LiveHost(), list[Evidence]()
    begin = host.mono_ns()
    look = Look(host=host, guest=asked, start_ns=begin, end_ns=begin + int(seconds * 1e9), keep=kept.append)
    asyncio.run(collect_monitor(look))
    return kept, host.mono_ns() - look.end_ns


@pytest.mark.real
@pytest.mark.parametrize("accelerator", [Accelerator.TCG, Accelerator.KVM])
def test_a_real_guest(accelerator: Accelerator) -> None:
    with boot(HALT, accelerator, vcpus=2) as tiny:
        until(lambda: live(tiny.guest, 0)[0][0].usable, "QEMU answers")
        kept, _ = live(tiny.guest, 0.5)
    assert [e.outcome for e in kept] == [Outcome.OK] * 2
    answers = {one["execute"]: one.get("return") for one in map(json.loads, kept[0].data.splitlines())}
    assert answers["query-kvm"]["enabled"] is (accelerator is Accelerator.KVM)
    assert len(answers["query-cpus-fast"]) == 2
    assert answers["query-block"][0]["inserted"]["drv"] == "raw"
    failed = {json.loads(line)["execute"] for e in kept for line in e.data.splitlines() if b'"error"' in line}
    assert failed == {"query-balloon"}  # it has none


@pytest.mark.real
def test_a_real_guest_with_a_relative_socket() -> None:
    with boot(HALT, Accelerator.TCG, "-qmp", "unix:rel.sock,server=on,wait=off") as tiny:
        asked = msgspec.structs.replace(
            tiny.guest, command_line=("q", "-qmp", "unix:rel.sock,server=on,wait=off"), manager=Manager.PLAIN
        )
        until((tiny.qmp.parent / "rel.sock").exists, "QEMU listens")
        until(lambda: live(asked, 0)[0][0].usable, "QEMU answers")
        kept, _ = live(asked, 0)
    assert [e.source for e in kept] == ["QMP unix:rel.sock"] * 2


@pytest.mark.real
def test_a_real_guest_that_is_stopped_costs_little_more_than_the_window() -> None:
    with boot(HALT) as tiny:
        tiny.freeze()
        kept, late_ns = live(tiny.guest, 3)
    assert [e.outcome for e in kept] == [Outcome.TIMED_OUT] * 2
    assert late_ns < 5e9
    assert late_ns < COLLECTOR.timeout_s * 1e9


@pytest.mark.real
def test_a_real_guest_in_a_mount_namespace_of_its_own() -> None:
    if os.geteuid() != 0:
        skip_real("unshare takes root")
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="ct-own-") as name:  # a mount point in a chroot, too
        _in_a_mount_namespace(Path(name))


def _in_a_mount_namespace(inner: Path) -> None:
    own = ("-qmp", f"unix:{inner}/inner.sock,server=on,wait=off")
    alone = "{ mount --make-rprivate / || mount --make-rprivate /dev/shm; } 2>/dev/null"
    do = f'{alone} && mount -t tmpfs none {inner} && exec "$@"'
    mount = ("unshare", "--mount", "--propagation", "unchanged", "sh", "-c", do, "sh")
    with boot(HALT, Accelerator.TCG, *own, within=mount) as tiny:
        asked = msgspec.structs.replace(tiny.guest, command_line=("q", *own))
        until(lambda: live(asked, 0)[0][0].usable, "QEMU answers")
        assert not (inner / "inner.sock").exists()


@pytest.mark.real
@pytest.mark.parametrize("accelerator", [Accelerator.TCG, Accelerator.KVM])
def test_a_real_guest_with_a_clock_that_ticks(accelerator: Accelerator) -> None:
    """The RTC is QEMU's own device also where the interrupt controller is the kernel's: its line is counted there."""
    with boot(RTC, accelerator) as tiny:
        until(lambda: (rate_of_irq_8(live(tiny.guest, 0.5)[0]) or 0) > 0, "the RTC ticks")
        kept, _ = live(tiny.guest, 2)
    rates = derive_interrupts(Facts(fact for e in kept for fact in decode_qmp(e)))
    assert rates is not None
    assert 20 < rates.per_s(8) < 1300  # 1024; a loaded machine lets ticks fall together
    assert rates.uncounted == ((0,) if accelerator is Accelerator.KVM else ())
    stats = derive_kvm_stats(Facts(fact for e in kept for fact in decode_qmp(e)))
    assert (stats is not None) is (accelerator is Accelerator.KVM)
    assert stats is None or (stats.per_s("exits") or 0) > 0


def rate_of_irq_8(kept: list[Evidence]) -> float | None:
    rates = derive_interrupts(Facts(fact for e in kept for fact in decode_qmp(e)))
    return rates.per_s(8) if rates else None
