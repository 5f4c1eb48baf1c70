"""Register dumps in text: which vCPU's each is, which KVM's failure it stands below, and what is wrong with its state."""

import re
from collections.abc import Iterator, Sequence

import msgspec
from msgspec.structs import replace

from crazytrain.decode.registers import decode_registers
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.dumps import FailureDump
from crazytrain.model.facts.vcpu import ArmSample, ArmSamples, CpuMode, VcpuSample, VcpuSamples

_MOST_DUMPS, _DUMP_LINES, _LONGEST = 4096, 60, 1024
_BEGIN = re.compile(r"[ER]AX=[0-9a-f]{8,16} [ER]BX=| ?PC=[0-9a-f]{16} +X00=")
_CPU = re.compile(r"CPU#(\d{1,5})$")
_FAILURE = re.compile(
    r".{0,300}?(KVM: entry failed, hardware error.{0,60}|KVM internal error\. Suberror: \d+.{0,60}|emulation failure|"
    r"error: kvm run failed .{1,60}|KVM: (?:unknown exit|exception \d).{0,80})"
)
_CONTROL = re.compile(r"\b(CR0|CR4|EFER)=([0-9a-f]{8,16})\b")
_CODE = re.compile(r"Code=([0-9a-f?< >]{2,400})")
_BLANK_ABOVE = 12  # QEMU explains a failed entry in four lines between blank ones
_PE, _PG = 1 << 0, 1 << 31
_PAE, _PCIDE = 1 << 5, 1 << 17
_LMA, _LME = 1 << 10, 1 << 8
_RESERVED = 1 << 1
_LOOKS = re.compile(r"CPU #(\d{1,5}): pc=0x([0-9a-f]{1,16})( \(halted\))?")
_KERNEL_HALF = 0xFFFF_8000_0000_0000
_RESET_VECTOR = 0xFFFF_FFF0


class Dump(msgspec.Struct, frozen=True):
    """One print-out of one vCPU's registers: its lines, where they begin (from 1), QEMU's failure above it."""

    vcpu: int
    line: int
    text: str
    failure: str
    turn: int


def dumps_in(lines: Sequence[str]) -> Iterator[Dump]:
    """All dumps in order. ``turn`` counts how often the vCPU was printed before."""
    turns: dict[int, int] = {}
    begins = [number for number, line in enumerate(lines) if _BEGIN.match(line.strip()[:80])][:_MOST_DUMPS]
    for at, number in enumerate(begins):
        above = [line.strip()[:400] for line in lines[max(0, number - _BLANK_ABOVE) : number]]
        if at:
            above = above[-(number - begins[at - 1]) :]
        heads = [found for line in above if (found := _CPU.fullmatch(line))]
        failures = [found[1] for line in above if (found := _FAILURE.match(line))]
        vcpu = int(heads[-1][1]) if heads else 0
        end = min(begins[at + 1] if at + 1 < len(begins) else len(lines), number + _DUMP_LINES)
        text = "\n".join(_registers(lines[number:end]))
        turns[vcpu] = turns.get(vcpu, -1) + 1
        yield Dump(vcpu, number + 1, text, failures[0] if failures else "", turns[vcpu])


def _registers(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        bare = line.strip()[:_LONGEST]
        if _CPU.fullmatch(bare) or bare.startswith("(qemu)"):
            return
        yield bare


def seen_samples(dumps: Sequence[Dump], lines: Sequence[str], evidence: Evidence) -> Iterator[object]:
    """Yield ``VcpuSamples`` and ``ArmSamples`` of those that no failure printed; with ``info cpus`` of an old QEMU, too."""
    samples: list[VcpuSample] = []
    arm: list[ArmSample] = []
    for dump in dumps:
        if not dump.failure:
            one = _read(dump, evidence)
            samples += [found for found in one if isinstance(found, VcpuSample)]
            arm += [found for found in one if isinstance(found, ArmSample)]
    samples += _places(lines)
    if samples:
        yield VcpuSamples(samples=tuple(samples), refs=(evidence.ref(dumps[0].line if dumps else None),))
    if arm:
        yield ArmSamples(samples=tuple(arm), refs=(evidence.ref(dumps[0].line),))


def _read(dump: Dump, evidence: Evidence) -> tuple[VcpuSample | ArmSample, ...]:
    text = replace(evidence, data=f"CPU#{dump.vcpu}\n{dump.text}\n".encode())
    return tuple(
        sample
        for fact in decode_registers(text)
        if isinstance(fact, VcpuSamples | ArmSamples)
        for sample in fact.samples
    )


def _places(lines: Sequence[str]) -> Iterator[VcpuSample]:
    """Where ``info cpus`` of a QEMU before 2.12 shows a vCPU; only places that tell its privilege, too."""
    for line in lines:
        found = _LOOKS.search(line[:200])
        address = int(found[2], 16) if found else 0
        if found is None or (address != _RESET_VECTOR and address < _KERNEL_HALF):
            continue
        yield VcpuSample(
            mono_ns=0,
            vcpu=int(found[1]),
            ip=address,
            cs_base=0,
            cpl=0,
            halted=found[3] is not None,
            interrupts_enabled=True,
            mode=CpuMode.REAL if address == _RESET_VECTOR else CpuMode.LONG,
            cr3=0,
            dx=0,
        )


def failed_dumps(dumps: Sequence[Dump], evidence: Evidence) -> Iterator[FailureDump]:
    """Yield the dumps that a failure printed, and those whose state no processor accepts."""
    for dump in dumps:
        sample = next((one for one in _read(dump, evidence) if isinstance(one, VcpuSample)), None)
        if sample is None:
            continue
        control = {name: int(value, 16) for name, value in _CONTROL.findall(dump.text)}
        flags = re.search(r"[ER]FL=([0-9a-f]{8})", dump.text)
        invalid = tuple(_invalid(control, int(flags[1], 16) if flags else _RESERVED))
        code = _CODE.search(dump.text)
        if dump.failure or invalid:
            yield FailureDump(
                sample=sample,
                failure=dump.failure,
                cr0=control.get("CR0"),
                cr4=control.get("CR4"),
                efer=control.get("EFER"),
                code=code[1].strip() if code else "",
                invalid=invalid,
                refs=(evidence.ref(dump.line, dump.line + dump.text.count("\n")),),
            )


def _invalid(control: dict[str, int], flags: int) -> Iterator[str]:
    """Intel SDM Vol. 3, 27.3.1.1 and 27.3.1.4; what KVM may repair by itself (unrestricted guest) is left out."""
    cr0, cr4, efer = control.get("CR0"), control.get("CR4"), control.get("EFER")
    if cr0 is not None and cr0 & _PG and not cr0 & _PE:
        yield "CR0.PG is set without CR0.PE"
    if cr4 is not None and efer is not None and cr4 & _PCIDE and not efer & _LMA:
        yield "CR4.PCIDE is set outside of 64-bit mode"
    if cr0 is not None and efer is not None and bool(efer & _LMA) != bool(efer & _LME and cr0 & _PG):
        yield "EFER.LMA does not follow from EFER.LME and CR0.PG"
    if cr4 is not None and efer is not None and efer & _LMA and not cr4 & _PAE:
        yield "64-bit mode without CR4.PAE"
    if not flags & _RESERVED:
        yield "bit 1 of RFLAGS is 0"
