"""The registers that QEMU printed when KVM gave up, and the clock's settings as libvirt has them, in words."""

from collections.abc import Iterator

from crazytrain.model.facts import Facts
from crazytrain.model.facts.dumps import FailureDump
from crazytrain.model.report import StoryLine
from crazytrain.report.sentence import line

_SHOWN = 4
_CR0 = {0: "PE", 16: "WP", 29: "NW", 30: "CD", 31: "PG"}
_CR4 = {
    5: "PAE",
    7: "PGE",
    13: "VMXE",
    16: "FSGSBASE",
    17: "PCIDE",
    18: "OSXSAVE",
    20: "SMEP",
    21: "SMAP",
    22: "PKE",
    23: "CET",
}
_EFER = {0: "SCE", 8: "LME", 10: "LMA", 11: "NXE", 12: "SVME"}


def dump_story(facts: Facts) -> tuple[StoryLine, ...]:
    """A sentence for each dump, and one for what no processor would accept in it."""
    return tuple(said for dump in facts.all(FailureDump)[-_SHOWN:] for said in _sentences(dump))


def _sentences(dump: FailureDump) -> Iterator[StoryLine]:
    sample = dump.sample
    interrupts = "on" if sample.interrupts_enabled else "off"
    where = f"vCPU {sample.vcpu} stood at {sample.address:#x} in {sample.mode.value} mode, CPL {sample.cpl}, interrupts {interrupts}"
    control = ", ".join(
        filter(None, (_named("CR0", dump.cr0, _CR0), _named("CR4", dump.cr4, _CR4), _named("EFER", dump.efer, _EFER)))
    )
    after = f" ({dump.failure})" if dump.failure else ""
    yield line(f"{where}; {control}{after}" if control else f"{where}{after}", dump.refs)
    if dump.code:
        yield line(f"    the code there, the instruction in <>: {dump.code}", dump.refs)
    if dump.invalid:
        yield line(f"    no processor runs a guest in this state: {'; '.join(dump.invalid)}", dump.refs)


def _named(register: str, value: int | None, bits: dict[int, str]) -> str:
    """A control register with the names of its bits that matter here."""
    if value is None:
        return ""
    names = [name for bit, name in bits.items() if value >> bit & 1]
    return f"{register} {value:#x}" + (f" ({' '.join(names)})" if names else "")
