"""Lines that come again and again in one paste: banners of firmware, one page in KVM's trace. And a log that ends at the head of a trace.

Sources: SeaBIOS src/bootsplash.c and src/boot.c, edk2's BdsDxe and OvmfPkg, GRUB's grub-core/kern/main.c; the kernel's
arch/x86/kvm/mmu/mmutrace.h and kernel/panic.c (CUT_HERE).
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.tool_lines import ToolLine
from crazytrain.model.facts.tool_lines import ToolMeaning as M

_MOST_LINES, _LONGEST, _SHOWN = 50_000, 400, 120
_BANNER = re.compile(
    r"(?P<what>SeaBIOS \(version |\bBdsDxe: starting Boot[0-9A-F]{4}\b|\bUEFI firmware \(version |^OpenSBI v\d|^U-Boot 20\d\d\.\d\d"
    r"|^(?:GRUB loading|Welcome to GRUB!)|^Booting from (?:ROM|Hard Disk|Floppy|DVD/CD)\b)"
)
_STARTED = re.compile(r"\bqemu-system-\w|\b(?:virsh|qm|lxc|incus) start\b|\bkvm -")  # somebody starts it anew
_BANNERS_FROM, _NEAR = 3, 60
_PAGE = re.compile(r"\bkvm_mmu_(?:spte_requested|set_spte): +gfn (?P<gfn>[0-9a-f]{1,13})\b")
_PAGES_FROM, _SAME = 4, 0.8
_CUT_HERE = re.compile(r"(?:^|[\] ])-{6,}\[ cut here \]-{6,}$")


def decode_repeated_lines(evidence: Evidence) -> Iterable[object]:
    """Yield at most one ``ToolLine`` of each of the three, with ``value`` how often it came."""
    text = evidence.data.decode("utf-8", "replace").replace("\r", "")
    lines = [line[:_LONGEST].strip() for line in text.split("\n")[:_MOST_LINES]]
    yield from _banners(evidence, lines)
    yield from _one_page(evidence, lines)
    number = next((number for number in range(len(lines), 0, -1) if lines[number - 1]), 0)
    if number and _CUT_HERE.search(lines[number - 1]):
        yield ToolLine(meaning=M.TRACE_CUT, text=lines[number - 1][:_SHOWN], ref=evidence.ref(number))


def _banners(evidence: Evidence, lines: list[str]) -> Iterator[ToolLine]:
    """The same banner some times in a row, with less between than a system that comes up would print."""
    met: dict[str, list[int]] = {}
    for number, line in enumerate(lines, start=1):
        if _STARTED.search(line):
            met.clear()
        found = _BANNER.search(line)
        if found is None:
            continue
        before = met.setdefault(found["what"], [])
        if before and number - before[-1] > _NEAR:
            before.clear()
        before.append(number)
        if len(before) == _BANNERS_FROM:
            says = f"{found['what'].strip(' (')}, {_BANNERS_FROM} times in {number - before[0] + 1} lines"
            yield ToolLine(meaning=M.FIRMWARE_AGAIN, text=says, ref=evidence.ref(number), value=float(_BANNERS_FROM))
            return


def _one_page(evidence: Evidence, lines: list[str]) -> Iterator[ToolLine]:
    pages = [(found["gfn"], number) for number, line in enumerate(lines, start=1) if (found := _PAGE.search(line))]
    if len(pages) < _PAGES_FROM:
        return
    most, times = Counter(gfn for gfn, _ in pages).most_common(1)[0]
    if times >= _SAME * len(pages):
        says = f"gfn {most} in {times} of {len(pages)} lines"
        yield ToolLine(meaning=M.SAME_PAGE, text=says, ref=evidence.ref(pages[0][1]), value=float(times))
