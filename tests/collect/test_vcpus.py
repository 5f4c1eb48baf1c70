"""Bursts of register samples: how many, how far apart, what is kept of them; real guests in each mode."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Sequence

import msgspec
import pytest

from crazytrain.collect.look import Look
from crazytrain.collect.vcpus import COLLECTOR, collect_vcpus
from crazytrain.decode.registers import decode_registers
from crazytrain.derive.vcpus import derive_vcpus
from crazytrain.host.door import Each, Finished
from crazytrain.host.fake import FakeHost
from crazytrain.host.live import LiveHost
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome
from crazytrain.model.facts import MONITOR_BUSY, OWN_TURN, CpuMode, Facts, VcpuSample, VcpuSamples, VcpuView
from crazytrain.model.facts.services import QemuEvent
from crazytrain.model.guest import Accelerator, Guest, Manager
from crazytrain.pipeline import read
from tests.collect.making import HOST_FILES, a_guest, look_at, process
from tests.tiny import HALT, LONG, PROTECTED, REAL, boot, until

SOCKET = "/run/web01.qmp"
FILES = {**HOST_FILES, **process(700, "qemu", ["q"])}
REGISTERS = (
    "\r\nCPU#0\r\nEIP=00007c02 EFL=2\r\nFCW=037f FSW=0000\r\nFPR0=0123 0000 FPR1=4567 0000\r\nXMM00=89ab XMM01=cdef\r\n"
)


def answer(line: str, text: object, **more: object) -> bytes:
    asked = {"execute": "human-monitor-command", "arguments": {"command-line": line, **more}}
    return json.dumps({**asked, "return": text, "mono_ns": 5, "took_ns": 2}).encode() + b"\n"


IN_AL_DX = 0xEC
ANSWERS = answer("info registers -a", REGISTERS) + answer("x /24xb $pc-8", "7c02: 0xeb", **{"cpu-index": 0})


def guest(vcpus: int | None = 1, manager: Manager = Manager.PLAIN) -> Guest:
    argv: tuple[str, ...] = ("qemu", "-qmp", f"unix:{SOCKET},server=on")
    if manager is Manager.LIBVIRT:
        argv = ("qemu", "-chardev", "socket,id=charmonitor,fd=3,server=on", "-mon", "chardev=charmonitor,mode=control")
    return msgspec.structs.replace(a_guest(700), vcpus=vcpus, manager=manager, command_line=argv)


def collected(host: FakeHost, asked: Guest, *, seconds: float = 5.0, light: bool = False) -> list[Evidence]:
    look, kept = look_at(host, asked, seconds=seconds, light=light)
    asyncio.run(collect_vcpus(look))
    return kept


def asked_lines(host: FakeHost, burst: int = 0) -> list[tuple[str, int | None]]:
    words = [json.loads(command)["arguments"] for command in host.asked[burst][1]]
    return [(word["command-line"], word.get("cpu-index")) for word in words]


def test_bursts_are_spread_over_the_window() -> None:
    host = FakeHost(FILES, monitors={SOCKET: (ANSWERS, Outcome.OK, "")})
    begin = host.now_ns
    kept = collected(host, guest())
    assert [(e.id, e.kind, e.outcome, e.cost) for e in kept] == [
        (f"vcpus.{i}", Kind.VCPU_SAMPLES, Outcome.OK, Cost.SAMPLES) for i in range(4)
    ]
    assert [round((e.mono_ns - begin) / 1e9, 1) for e in kept] == [0.6, 1.9, 3.1, 4.3]
    assert asked_lines(host) == [("info registers -a", None), ("x /24xb $pc-8", 0), *[("info registers -a", None)] * 9]


@pytest.mark.parametrize(
    ("vcpus", "seconds", "samples", "codes"),
    [
        (1, 5, 10, 1),
        (None, 5, 10, 1),
        (4, 5, 10, 4),
        (8, 5, 10, 8),
        (16, 5, 6, 8),
        (256, 5, 3, 8),
        (1, 0.5, 6, 1),
        (1, 0, 1, 1),
    ],
)
def test_how_many_samples_a_burst_takes(vcpus: int | None, seconds: float, samples: int, codes: int) -> None:
    host = FakeHost(FILES, monitors={SOCKET: (ANSWERS, Outcome.OK, "")})
    collected(host, guest(vcpus), seconds=seconds)
    lines = [line for line, _ in asked_lines(host)]
    assert (lines.count("info registers -a"), lines.count("x /24xb $pc-8")) == (samples, codes)
    assert seconds == 0 or 4 * samples / seconds <= 50


def test_a_light_look_has_a_burst_less_and_half_the_samples() -> None:
    host = FakeHost(FILES, monitors={SOCKET: (ANSWERS, Outcome.OK, "")})
    assert len(collected(host, guest(), light=True)) == 3
    assert [line for line, _ in asked_lines(host)].count("info registers -a") == 6


def test_samples_are_handed_on_and_code_is_not() -> None:
    look, _ = look_at(FakeHost(FILES, monitors={SOCKET: (ANSWERS + b"{", Outcome.OK, "")}), guest())
    heard: list[tuple[str, int]] = []
    with look.registers.heard_by(lambda text, mono_ns: heard.append((text, mono_ns))):
        asyncio.run(collect_vcpus(look))
    assert heard == [(REGISTERS, 5)] * 4
    look.registers.tell("later", 6)
    assert len(heard) == 4


def test_a_monitor_that_is_only_busy_with_us_is_asked_again() -> None:
    host = FakeHost(FILES, monitors={SOCKET: (b"", Outcome.TIMED_OUT, OWN_TURN)})
    assert [e.outcome for e in collected(host, guest())] == [Outcome.TIMED_OUT] * 4


def test_registers_that_may_hold_keys_are_not_kept() -> None:
    (first, *_) = collected(FakeHost(FILES, monitors={SOCKET: (ANSWERS, Outcome.OK, "")}), guest())
    registers, code = map(json.loads, first.data.splitlines())
    assert registers == {"mono_ns": 5, "took_ns": 2, "text": "\r\nCPU#0\r\nEIP=00007c02 EFL=2\r\n"}
    assert code == {"mono_ns": 5, "took_ns": 2, "vcpu": 0, "code": "7c02: 0xeb", "before": 8}


class Heard(FakeHost):
    """Also keeps how slowly it was asked."""

    paces: list[tuple[float, float]]

    async def converse(
        self,
        path: str,
        commands: Sequence[bytes],
        *,
        timeout_s: float,
        pause_s: float = 0.0,
        hold_s: float = 2.0,
        each: Each | None = None,
    ) -> tuple[bytes, Outcome, str]:
        self.paces.append((pause_s, hold_s))
        return await super().converse(path, commands, timeout_s=timeout_s, pause_s=pause_s, hold_s=hold_s, each=each)


@pytest.mark.parametrize(
    ("control", "seconds", "pauses"),
    [
        ("CR0=00000010", 5, [0.008, 0.06, 0.06, 0.06]),  # real mode: a boot loader, or the firmware
        ("CR0=00000011", 2, [0.008, 0.027, 0.027, 0.027]),
        ("CR0=80050033", 5, [0.008] * 4),
        ("", 5, [0.008] * 4),
    ],
)
def test_a_guest_without_a_system_is_listened_to_for_longer(control: str, seconds: float, pauses: list[float]) -> None:
    host = Heard(FILES, monitors={SOCKET: (answer("info registers -a", f"CPU#0\n{control} CR2=0"), Outcome.OK, "")})
    host.paces = []
    collected(host, guest(), seconds=seconds)
    assert [round(pause, 3) for pause, _ in host.paces] == pauses
    assert all(13 * pause < hold <= 0.9 for pause, hold in host.paces)


RESET = b'{"timestamp": {"seconds": 5, "microseconds": 7}, "event": "RESET", "data": {"guest": true}, "mono_ns": 4}\n'


def test_what_qemu_said_unasked_meanwhile_is_kept_as_it_was_said() -> None:
    (first, *_) = collected(FakeHost(FILES, monitors={SOCKET: (RESET + ANSWERS, Outcome.OK, "")}), guest())
    assert first.data.splitlines()[0] == RESET.strip()
    told = read((first,)).facts
    (event,) = told.all(QemuEvent)
    assert (event.name, event.wall_ns, str(event.ref)) == ("RESET", 5_000_007_000, "vcpus.0:1")
    assert json.loads(first.data.splitlines()[1])["text"].startswith("\r\nCPU#0")


def test_a_monitor_that_does_nothing_but_tell_events_gives_no_more_of_them_than_are_of_use() -> None:
    (first, *_) = collected(FakeHost(FILES, monitors={SOCKET: (RESET * 500 + ANSWERS, Outcome.OK, "")}), guest())
    assert first.data.count(b"RESET") <= 64


def test_errors_and_broken_lines_are_no_samples() -> None:
    error = b'{"execute": "human-monitor-command", "arguments": {"command-line": "x"}, "error": {}, "mono_ns": 1, "took_ns": 1}\n'
    data = error + b"{broken\n" + answer("info registers -a", 7) + answer("info registers -a", "CPU#0")
    (first, *_) = collected(FakeHost(FILES, monitors={SOCKET: (data, Outcome.OK, "")}), guest())
    assert [json.loads(line)["text"] for line in first.data.splitlines()] == ["CPU#0"]


def test_a_monitor_that_does_not_answer_is_not_asked_again() -> None:
    host = FakeHost(FILES, monitors={SOCKET: (b"", Outcome.TIMED_OUT, "hangs")})
    kept = collected(host, guest())
    assert [(e.id, e.outcome, e.detail) for e in kept] == [("vcpus.0", Outcome.TIMED_OUT, "hangs")]
    assert len(host.asked) == 1


def test_what_was_sampled_before_it_fell_silent_is_kept() -> None:
    host = FakeHost(FILES, monitors={SOCKET: (ANSWERS, Outcome.TIMED_OUT, "hangs")})
    (only,) = collected(host, guest())
    assert (only.outcome, len(only.data.splitlines())) == (Outcome.TIMED_OUT, 2)


def test_through_libvirt_a_burst_is_one_process() -> None:
    said = json.dumps({"return": REGISTERS}).encode() + b"\n\n(Time: 2.000 ms)\n\n"
    host = FakeHost(FILES, commands={"virsh": Finished(status=0, stdout=said * 16, stderr=b"", outcome=Outcome.OK)})
    kept = collected(host, guest(4, Manager.LIBVIRT))
    assert [len(e.data.splitlines()) for e in kept] == [14] * 4
    assert len(host.ran) == 4


def test_another_process_by_the_same_pid() -> None:
    host = FakeHost(
        {**HOST_FILES, **process(700, "vim", ["vim"], start=501)}, monitors={SOCKET: (ANSWERS, Outcome.OK, "")}
    )
    (only,) = collected(host, guest())
    assert (only.outcome, host.asked) == (Outcome.ABSENT, [])


def live(asked: Guest, seconds: float = 1.0) -> list[Evidence]:
    host, kept = LiveHost(), list[Evidence]()
    begin = host.mono_ns()
    look = Look(host=host, guest=asked, start_ns=begin, end_ns=begin + int(seconds * 1e9), keep=kept.append)
    asyncio.run(collect_vcpus(look))
    return kept


def samples_of(kept: list[Evidence]) -> list[VcpuSample]:
    facts = [fact for e in kept if e.usable for fact in decode_registers(e)]
    return [sample for fact in facts if isinstance(fact, VcpuSamples) for sample in fact.samples]


def view_of(kept: list[Evidence]) -> VcpuView:
    view = derive_vcpus(Facts(fact for e in kept if e.usable for fact in decode_registers(e)))
    assert view is not None
    return view


def is_in_the_sector(asked: Guest) -> bool:
    return any(0x7C00 <= sample.address < 0x7E00 for sample in samples_of(live(asked, 0)))


@pytest.mark.real
@pytest.mark.parametrize("accelerator", [Accelerator.TCG, Accelerator.KVM])
@pytest.mark.parametrize(
    ("code", "mode", "dx", "byte"),
    [
        (REAL, CpuMode.REAL, 0x3FD, IN_AL_DX),
        (PROTECTED, CpuMode.PROTECTED, 0x3FD, IN_AL_DX),
        (LONG, CpuMode.LONG, 0x7788, 0xEB),
    ],
    ids=["real", "protected", "long"],
)
def test_a_real_guest_that_spins(code: str, mode: CpuMode, dx: int, byte: int, accelerator: Accelerator) -> None:
    with boot(code, accelerator) as tiny:
        until(lambda: is_in_the_sector(tiny.guest), "the boot sector runs")
        kept = live(tiny.guest, 2.0)
    assert {e.outcome for e in kept} <= {Outcome.OK, Outcome.TRUNCATED}
    (vcpu,) = view_of(kept).vcpus
    assert (vcpu.mode, vcpu.halted_ratio, vcpu.kernel_ratio, vcpu.interrupts_off_ratio) == (mode, 0.0, 1.0, 1.0)
    assert vcpu.samples >= 4
    assert vcpu.places <= 2
    assert vcpu.span_bytes <= 4
    assert vcpu.polls_port == (0x3FD if byte == IN_AL_DX else None)
    samples = samples_of(kept)
    assert {sample.dx for sample in samples} == {dx}
    with_code = [sample for sample in samples if sample.code]
    assert len(with_code) == len(kept)
    for sample in with_code:
        assert abs(sample.code_address - sample.address) <= 4
        assert byte in sample.code[:3] or sample.code[:2] == b"\xeb\xfd"  # in the loop, wherever it was read


@pytest.mark.real
@pytest.mark.parametrize("accelerator", [Accelerator.TCG, Accelerator.KVM])
def test_a_real_guest_that_halts_for_ever(accelerator: Accelerator) -> None:
    with boot(HALT, accelerator, vcpus=2) as tiny:
        until(lambda: is_in_the_sector(tiny.guest), "the boot sector runs")
        view = view_of(live(tiny.guest))
    assert [(v.vcpu, v.halted_ratio, v.interrupts_off_ratio, v.places) for v in view.vcpus] == [
        (vcpu, 1.0, 1.0, 0) for vcpu in (0, 1)
    ]


@pytest.mark.real
def test_a_burst_holds_the_monitor_only_for_a_moment() -> None:
    with boot(HALT) as tiny:
        until(lambda: live(tiny.guest, 0)[0].usable, "QEMU answers")
        kept = live(tiny.guest, 2.0)
    assert len(kept) == 4
    assert all(e.took_ns < 1.5e9 for e in kept)  # 0.1 s on an idle machine


@pytest.mark.real
def test_a_real_monitor_that_another_client_holds() -> None:
    with boot(HALT) as tiny, contextlib.closing(socket.socket(socket.AF_UNIX)) as other:
        other.settimeout(60)
        other.connect(str(tiny.qmp))
        assert other.recv(100)
        (only,) = live(tiny.guest)
    assert only.outcome is Outcome.TIMED_OUT
    assert MONITOR_BUSY in only.detail


@pytest.mark.real
def test_a_real_guest_that_is_stopped() -> None:
    with boot(HALT) as tiny:
        tiny.freeze()
        began = time.monotonic()
        (only,) = live(tiny.guest)
        assert time.monotonic() - began < 1 + COLLECTOR.timeout_s
    assert (only.outcome, only.data) == (Outcome.TIMED_OUT, b"")
