"""VCPU_SAMPLES: HMP ``info registers -a`` of x86 and AArch64 guests, many times, and the code at the instruction pointer."""

import re
from collections.abc import Iterable, Iterator

import msgspec

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.vcpu import ArmSample, ArmSamples, CpuMode, VcpuSample, VcpuSamples

_MOST_SAMPLES = 20_000
_LONGEST_LINE = 4 << 20
_CPU = re.compile(r"^CPU#(\d{1,5})[ \t]*\r?$", re.MULTILINE)
# RIP in a 64-bit code segment, EIP in any other; names and widths differ, the order of the line does not.
_IP = re.compile(r"^[RE]IP=([0-9a-f]{8,16}) [RE]FL=([0-9a-f]{8,16})\b(.*)$", re.MULTILINE)
_KERNEL_HALF = 0xFFFF_8000_0000_0000
_FLAG = re.compile(r"\b(CPL|SMM|HLT)=(\d)\b")
_IDT = re.compile(r"^IDT= +[0-9a-f]{8,16} ([0-9a-f]{8})\b", re.MULTILINE)
_GATES_FROM = (
    8 * 8 - 1
)  # the limit of a table that holds the eight exceptions that any handler comes with (Intel SDM Vol. 3, 6.10)
_DX = re.compile(r"\b[RE]DX=([0-9a-f]{8,16})\b")
_CS = re.compile(r"^CS =[0-9a-f]{4} ([0-9a-f]{8,16}) [0-9a-f]{8} [0-9a-f]{8}(.*)$", re.MULTILINE)
_CONTROL = re.compile(r"\b(CR0|CR3|EFER)=([0-9a-f]{8,16})\b")
_CODE = re.compile(r"^([0-9a-f]{8,16}):((?: 0x[0-9a-f]{2}){1,64})[ \t]*\r?$", re.MULTILINE)
_PROTECTED, _PAGING, _LONG_MODE_ACTIVE, _INTERRUPT_FLAG = 1 << 0, 1 << 31, 1 << 10, 1 << 9
_PC = re.compile(r"^ ?PC=([0-9a-f]{16}) +X00=", re.MULTILINE)
_PSTATE = re.compile(r"^PSTATE=([0-9a-f]{8}) [-NZCV]{4} (?:N?S )?EL([0-3])[ht]", re.MULTILINE)
_ARM_INTERRUPTS_MASKED = 1 << 7


class _Line(msgspec.Struct):
    mono_ns: int = 0
    text: str = ""
    vcpu: int | None = None
    code: str = ""
    before: int = 0


def decode_registers(evidence: Evidence) -> Iterable[object]:
    """Yield one ``VcpuSamples``, with no samples where nothing is x86 or can be read (the look itself is a fact), and
    ``ArmSamples`` where there are any.

    Each line of the evidence is JSON: ``{"mono_ns", "text"}`` with what ``info registers -a`` printed, or ``{"mono_ns",
    "vcpu", "code", "before"}`` with what ``x /24xb $pc-8`` printed for one vCPU (``before`` is 8 then, 0 where it is missing).
    Text without JSON is read as one print-out, as pasted from a monitor. A line that cannot be read is passed over. Source:
    QEMU, target/i386/cpu-dump.c, target/arm/cpu.c (aarch64_cpu_dump_state). ::

        CPU#0
        EAX=0000aa55 EBX=00000000 ECX=00000000 EDX=00000080
        EIP=00007c02 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=1
        CS =0000 00000000 0000ffff 00009b00
        CR0=00000010 CR2=00000000 CR3=00000000 CR4=00000000
        EFER=0000000000000000
    """
    samples: list[VcpuSample] = []
    arm: list[ArmSample] = []
    for line in _lines(evidence.data):
        if line.code:
            _attach(samples, line)
        for vcpu, block in _blocks(line.text):
            samples.extend(_one(block, vcpu, line.mono_ns))
            arm.extend(_one_arm(block, vcpu, line.mono_ns))
        if len(samples) + len(arm) >= _MOST_SAMPLES:
            break
    yield VcpuSamples(samples=tuple(samples[:_MOST_SAMPLES]), refs=(evidence.ref(),))
    if arm:
        yield ArmSamples(samples=tuple(arm[:_MOST_SAMPLES]), refs=(evidence.ref(),))


def _lines(data: bytes) -> Iterator[_Line]:
    if not data.lstrip().startswith(b"{"):
        yield _Line(text=data.decode("utf-8", "replace"))
        return
    for line in data.splitlines():
        try:
            yield msgspec.json.decode(line[:_LONGEST_LINE], type=_Line)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            continue


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """The vCPUs of one print-out; without ``-a`` there is one, and no heading."""
    heads = list(_CPU.finditer(text))
    if not heads:
        yield 0, text
    ends = [*(head.start() for head in heads[1:]), len(text)]
    for head, end in zip(heads, ends, strict=False):
        yield int(head[1]), text[head.end() : end]


def _one_arm(block: str, vcpu: int, mono_ns: int) -> Iterator[ArmSample]:
    """An AArch64 vCPU's block: PC, and PSTATE with the exception level. It does not tell a halt."""
    pc, state = _PC.search(block), _PSTATE.search(block)
    if pc and state:
        yield ArmSample(
            mono_ns=mono_ns,
            vcpu=vcpu,
            pc=int(pc[1], 16),
            level=int(state[2]),
            interrupts_enabled=not int(state[1], 16) & _ARM_INTERRUPTS_MASKED,
        )


def _one(block: str, vcpu: int, mono_ns: int) -> Iterator[VcpuSample]:
    """One vCPU's block; nothing where it lacks what says where the vCPU is."""
    ip, code_segment = _IP.search(block), _CS.search(block)
    if not ip:
        return
    flags = {name: int(value) for name, value in _FLAG.findall(ip[3])}
    control = {name: int(value, 16) for name, value in _CONTROL.findall(block)}
    dx, idt = _DX.search(block), _IDT.search(block)
    if "CPL" not in flags or "HLT" not in flags:
        return
    known = flags["CPL"] == 0 and (control.get("CR0", 0) & _PROTECTED or int(ip[1], 16) >= _KERNEL_HALF)
    if code_segment is None and not known:
        return  # somebody left its line out, and without it nobody knows where the vCPU is
    yield VcpuSample(
        mono_ns=mono_ns,
        vcpu=vcpu,
        ip=int(ip[1], 16),
        cs_base=int(code_segment[1], 16) if code_segment else 0,
        cpl=flags["CPL"],
        halted=flags["HLT"] == 1,
        interrupts_enabled=bool(int(ip[2], 16) & _INTERRUPT_FLAG),
        mode=_mode(
            control, smm=flags.get("SMM") == 1, code_segment=code_segment[2] if code_segment else _usual_segment(ip)
        ),
        cr3=control.get("CR3", 0),
        dx=int(dx[1], 16) & 0xFFFF if dx else 0,
        no_gates=idt is not None and int(idt[1], 16) < _GATES_FROM and bool(control.get("CR0", 0) & _PROTECTED),
        paging=bool(control.get("CR0", 0) & _PAGING),
    )


def _usual_segment(ip: re.Match[str]) -> str:
    """What the line of a code segment says of its width, where that line is missing: the name of the instruction pointer tells it."""
    return "CS64" if ip[0].startswith("RIP") and int(ip[1], 16) >= _KERNEL_HALF else ""


def _mode(control: dict[str, int], *, smm: bool, code_segment: str) -> CpuMode:
    """SMM whatever else holds; long mode is on for 32-bit programs of a 64-bit kernel, too: their code segment tells."""
    if smm:
        return CpuMode.SMM
    if "CR0" not in control:
        return CpuMode.UNKNOWN
    if not control["CR0"] & _PROTECTED:
        return CpuMode.REAL
    long = control["EFER"] & _LONG_MODE_ACTIVE if "EFER" in control else "CS64" in code_segment
    if not long:
        return CpuMode.PROTECTED
    return CpuMode.LONG if "CS64" in code_segment else CpuMode.COMPAT


def _attach(samples: list[VcpuSample], line: _Line) -> None:
    """Add the bytes of code to the last sample of that vCPU, with the address that they were read at."""
    rows = _CODE.findall(line.code)
    place = next((i for i in reversed(range(len(samples))) if samples[i].vcpu == line.vcpu), None)
    if rows and place is not None:
        code = bytes(int(byte, 16) for _, row in rows for byte in row.split())[:64]
        before = min(max(line.before, 0), len(code))
        samples[place] = msgspec.structs.replace(
            samples[place],
            code=code[before:],
            code_before=code[:before],
            code_address=int(rows[0][0], 16) + before,
        )
