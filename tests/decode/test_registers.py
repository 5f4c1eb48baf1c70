"""Register samples: texts of real guests in each mode, code, hostile input."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.decode.registers import decode_registers
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts import ArmSample, ArmSamples, CpuMode, VcpuSample, VcpuSamples

RECORDED = Path(__file__).parent / "registers"
# A crash of a 32-bit QEMU as its user reported it: the descriptor's L bit is set outside of long mode.
CS64_WITHOUT_LONG_MODE = """
EAX=00000000 EBX=00010000 ECX=000000f0 EDX=f4b9e080
ESI=00000000 EDI=00000000 EBP=c001cf34 ESP=c001cf34
EIP=c00083c6 EFL=00000082 [--S----] CPL=0 II=0 A20=1 SMM=0 HLT=0
CS =0008 00000000 ffffffff 00e09b00 DPL=0 CS64 [-RA]
CR0=80000013 CR2=00000000 CR3=04cc9000 CR4=00000680
EFER=00000000
"""
USER = """CPU#3
RAX=0 RDX=0000000000000010
RIP=00000000004f1a2b RFL=00000246 [---Z-P-] CPL=3 II=0 A20=1 SMM=0 HLT=0
CS =0033 0000000000000000 ffffffff 00affb00 DPL=3 CS64 [-RA]
CR0=80050033 CR2=000000001b76b750 CR3=0000000002644000 CR4=000006b0
EFER=0000000000000d01
"""


def samples(data: bytes | str) -> tuple[VcpuSample, ...]:
    raw = data if isinstance(data, bytes) else data.encode()
    evidence = Evidence(id="vcpus.0", kind=Kind.VCPU_SAMPLES, source="info registers -a", data=raw)
    seen, *_ = decode_registers(evidence)
    assert isinstance(seen, VcpuSamples)
    assert [str(ref) for ref in seen.refs] == ["vcpus.0"]
    return seen.samples


def line(**words: object) -> bytes:
    return json.dumps(words).encode() + b"\n"


def recorded(name: str) -> str:
    return (RECORDED / name).read_bytes().decode()


def test_real_mode_and_a_second_vcpu_that_waits_in_the_firmware() -> None:
    first, second = samples(line(mono_ns=7, took_ns=1, text=recorded("real-halted-tcg-7.2.txt")))
    assert first == VcpuSample(
        mono_ns=7,
        vcpu=0,
        ip=0x7C02,
        cs_base=0,
        cpl=0,
        halted=True,
        interrupts_enabled=False,
        mode=CpuMode.REAL,
        cr3=0,
        dx=0x80,
    )
    assert (second.vcpu, second.ip, second.halted, second.mode) == (1, 0xFD09A, True, CpuMode.PROTECTED)


def test_protected_mode_under_kvm() -> None:
    (sample,) = samples(recorded("protected-kvm-7.2.txt"))
    assert (sample.mode, sample.ip, sample.dx, sample.halted) == (CpuMode.PROTECTED, 0x7C1C, 0x3FD, False)


def test_long_mode() -> None:
    (sample,) = samples(recorded("long-tcg-7.2.txt"))
    assert (sample.mode, sample.ip, sample.dx, sample.cr3) == (CpuMode.LONG, 0x7C76, 0x7788, 0x1000)


def test_an_idle_linux() -> None:
    both = samples(recorded("linux-idle-tcg-7.2.txt"))
    assert [(s.vcpu, s.mode, s.halted, s.interrupts_enabled, s.cpl) for s in both] == [
        (vcpu, CpuMode.LONG, True, True, 0) for vcpu in (0, 1)
    ]
    assert {s.ip for s in both} == {0xFFFFFFFF92617A0B}
    assert both[0].cr3 != both[1].cr3


def test_user_mode() -> None:
    (sample,) = samples(USER)
    assert (sample.vcpu, sample.cpl, sample.ip, sample.dx, sample.interrupts_enabled) == (3, 3, 0x4F1A2B, 0x10, True)


def test_smm_comes_before_any_other_mode() -> None:
    (sample,) = samples(USER.replace("SMM=0", "SMM=1"))
    assert sample.mode is CpuMode.SMM


def test_the_long_mode_bit_decides_and_not_the_descriptor() -> None:
    (sample,) = samples(CS64_WITHOUT_LONG_MODE)
    assert sample.mode is CpuMode.PROTECTED
    (sample,) = samples(USER.replace("EFER=", "other="))
    assert sample.mode is CpuMode.LONG
    (sample,) = samples(USER.replace("CR0=", "other="))
    assert sample.mode is CpuMode.UNKNOWN


def test_the_base_of_cs_makes_the_address() -> None:
    text = recorded("real-halted-tcg-7.2.txt").replace("CS =0000 00000000", "CS =f000 000f0000")
    assert samples(text)[0].address == 0xF7C02


def test_code_belongs_to_the_sample_before_it() -> None:
    text = "0000000000007c02: 0xeb 0xfd 0x00 0x00 0x00 0x00 0x00 0x00\r\n0000000000007c0a: 0x01 0x02\r\n"
    registers = line(mono_ns=1, text=recorded("real-halted-tcg-7.2.txt"))
    seen = samples(registers + line(mono_ns=2, vcpu=0, code=text) + registers)
    assert [(s.vcpu, s.code, s.code_address) for s in seen] == [
        (0, bytes((0xEB, 0xFD, 0, 0, 0, 0, 0, 0, 1, 2)), 0x7C02),
        (1, b"", 0),
        (0, b"", 0),
        (1, b"", 0),
    ]


def test_code_may_begin_before_the_instruction_pointer() -> None:
    text = "0000000000007bfa: 0x01 0x02 0x03 0x04 0x05 0x06 0x07 0xec\r\n0000000000007c02: 0xeb 0xfd\r\n"
    registers = line(mono_ns=1, text=recorded("real-halted-tcg-7.2.txt"))
    sample = samples(registers + line(mono_ns=2, vcpu=0, code=text, before=8))[0]
    assert (sample.code, sample.code_address) == (b"\xeb\xfd", 0x7C02)
    assert sample.code_before == bytes((1, 2, 3, 4, 5, 6, 7, 0xEC))


def test_a_32_bit_program_of_a_64_bit_kernel() -> None:
    (sample,) = samples(USER.replace("CS64", "CS32"))
    assert sample.mode is CpuMode.COMPAT


@pytest.mark.parametrize(("cr0", "paging"), [("80050033", True), ("00050033", False)])
def test_paging(cr0: str, *, paging: bool) -> None:
    assert samples(USER.replace("80050033", cr0))[0].paging is paging


ARM = (
    "\r\nCPU#1\r\n PC=ffff800008015a1c X00=0000000000000000 X01=0000000000000001\r\nX02=0000000000000002 "
    "X03=0000000000000003 X04=0000000000000004\r\nX29=ffff800009f83d80 X30=ffff8000080158ec SP=ffff800009f83d80\r\n"
    "PSTATE=600000c5 -ZC- NS EL1h    FPCR=00000000 FPSR=00000000\r\n"
)


def test_an_aarch64_vcpu_tells_its_place_and_level_and_no_halt() -> None:
    evidence = Evidence(id="vcpus.0", kind=Kind.VCPU_SAMPLES, source="x", data=line(mono_ns=5, text=ARM))
    x86, arm = decode_registers(evidence)
    assert isinstance(x86, VcpuSamples)
    assert isinstance(arm, ArmSamples)
    assert x86.samples == ()
    assert arm.samples == (ArmSample(mono_ns=5, vcpu=1, pc=0xFFFF800008015A1C, level=1, interrupts_enabled=False),)


@pytest.mark.parametrize("code", ["Cannot access memory\r\n", "", "7c02: 0xeb", "0000000000007c02: 0xzz"])
def test_code_that_could_not_be_read(code: str) -> None:
    seen = samples(line(mono_ns=1, text=USER) + line(mono_ns=2, vcpu=3, code=code) + line(mono_ns=2, vcpu=9, code=code))
    assert [s.code for s in seen] == [b""]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "CPU#0\r\n",
        "CPU#0\r\n PC=0000000040080000 X00=0000000000000000\r\nPSTATE=600003c5 -ZC- EL1h\r\n",  # arm64
        "unknown command: 'info registers -a'",
        USER.replace("CS =", "C? ="),
        USER.replace("RIP=", "R?P="),
        USER.replace("HLT=0", ""),
    ],
)
def test_what_is_no_x86_is_a_look_without_samples(text: str) -> None:
    assert samples(line(mono_ns=1, text=text)) == ()


def test_lines_that_are_no_json_are_passed_over() -> None:
    good = line(mono_ns=1, text=USER)
    assert len(samples(good + b"{broken\n" + b"[]\n" + b'{"text": 7}\n' + good + good[:40])) == 2


def test_a_flood_is_bounded() -> None:
    assert len(samples(USER * 30_000)) == 20_000


@given(st.binary(max_size=4096))
def test_any_bytes(data: bytes) -> None:
    samples(data)


@given(st.text(alphabet=st.sampled_from("CPU#0123456789abcdefREIPFLSMHT =-:x\r\n"), max_size=600))
def test_any_text_of_that_alphabet(text: str) -> None:
    for sample in samples(line(mono_ns=1, text=text)):
        assert 0 <= sample.ip < 1 << 64
