"""The registers of every vCPU, out of what QEMU's monitor prints for ``info registers -a`` (x86 only)."""

import re

import msgspec

_CPU = re.compile(r"^CPU#(\d{1,5})[ \t]*\r?$", re.MULTILINE)
# RIP and RSP in a 64-bit code segment, EIP and ESP in any other.
_NUMBER = re.compile(r"\b(?P<name>[RE][A-Z]{2}|R\d{1,2}|[RE]FL|CR[0-4]|EFER)=(?P<value>[0-9a-f]{8,16})\b")
_FLAG = re.compile(r"\b(CPL|HLT|SMM)=(\d)\b")
_SEGMENT = re.compile(r"^(CS|FS|GS) =([0-9a-f]{4}) ([0-9a-f]{8,16})", re.MULTILINE)
_GDT = re.compile(r"^GDT= +([0-9a-f]{8,16})\b", re.MULTILINE)
_MOST_CPUS = 4096
_MOST_BYTES = 16 << 20
_LA57 = 1 << 12
_LONG_MODE_ACTIVE = 1 << 10


class CpuRegisters(msgspec.Struct, frozen=True, kw_only=True):
    """One vCPU at one instant. ``ip`` and the like are as the register holds them; ``values`` has the rest by its 64-bit name, and
    the base of the ``GDT``.
    """

    vcpu: int
    ip: int
    sp: int
    bp: int
    cpl: int
    halted: bool
    smm: bool
    cs: int
    cs_base: int
    gs_base: int
    values: dict[str, int]

    @property
    def cr3(self) -> int:
        """The root of the page tables that are in use."""
        return self.values.get("CR3", 0)

    @property
    def page_levels(self) -> int:
        """4, or 5 where LA57 is on."""
        return 5 if self.values.get("CR4", 0) & _LA57 else 4

    @property
    def is_long(self) -> bool:
        """Whether a 64-bit kernel is at work (its programs may be of 32 bits)."""
        return bool(self.values.get("EFER", 0) & _LONG_MODE_ACTIVE)


def parse_registers(text: str) -> tuple[CpuRegisters, ...]:
    """Read each vCPU's block; one that lacks what says where the vCPU is, is left out. Source: QEMU, target/i386/cpu-dump.c."""
    text = text[:_MOST_BYTES]
    heads = list(_CPU.finditer(text))[:_MOST_CPUS]
    if not heads:
        found = _one(0, text)
        return (found,) if found else ()
    ends = [*(head.start() for head in heads[1:]), len(text)]
    read = (_one(int(head[1]), text[head.end() : end]) for head, end in zip(heads, ends, strict=True))
    return tuple(one for one in read if one)


def _one(vcpu: int, block: str) -> CpuRegisters | None:
    values = {_wide(found["name"]): int(found["value"], 16) for found in _NUMBER.finditer(block)}
    if gdt := _GDT.search(block):
        values["GDT"] = int(gdt[1], 16)
    flags = {name: int(value) for name, value in _FLAG.findall(block)}
    segments = {name: (int(selector, 16), int(base, 16)) for name, selector, base in _SEGMENT.findall(block)}
    if not {"RIP", "RSP", "RBP"} <= values.keys() or "CPL" not in flags or "CS" not in segments:
        return None
    return CpuRegisters(
        vcpu=vcpu,
        ip=values["RIP"],
        sp=values["RSP"],
        bp=values["RBP"],
        cpl=flags["CPL"],
        halted=flags.get("HLT") == 1,
        smm=flags.get("SMM") == 1,
        cs=segments["CS"][0],
        cs_base=segments["CS"][1],
        gs_base=segments.get("GS", (0, 0))[1],
        values=values,
    )


def _wide(name: str) -> str:
    """EIP is RIP with half its bits; EFER is no such register."""
    return "R" + name[1:] if name[0] == "E" and name != "EFER" else name
