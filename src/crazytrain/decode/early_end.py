"""LOG_TEXT, CONSOLE: a kernel's log that ends while the kernel still sets the machine up, and tells of no trouble.

    [    0.129822] pid_max: default: 32768 minimum: 301
    [    0.129822] Mount-cache hash table entries: 32768 (order: 6, 262144 bytes, linear)

By itself it says little: somebody may have shown just these lines. Where a guest is said to hang it is where it stopped. Its watchdogs do
not run yet then. Source: the words of Linux init/main.c and arch/x86/kernel before it starts the first program.
"""

import re
from collections.abc import Iterable

from crazytrain.decode.console import meaning_of
from crazytrain.decode.log_lines import log_line
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.console import LineMeaning
from crazytrain.model.facts.tool_lines import ToolLine, ToolMeaning

_SETS_UP = re.compile(
    r"BIOS-e820|Linux version |Command line:|x86/|Hypervisor detected|Booting paravirtualized|Memory: \d|pid_max:|Mount(?:point)?-cache"
    r"|Dentry cache|Inode-cache|LSM:|Security Framework|Spectre|RETBleed|Speculat|MDS:|L1TF|Freeing SMP|smp(?:boot)?:|Last level [id]TLB"
    r"|clocksource: |tsc: |Calibrating delay|Performance Events|ACPI: |APIC|rcu: |NR_IRQS|Console: |printk: |Zone ranges|NUMA|PCI: |devtmpfs"
    r"|NET: Registered|DMA: preallocated|thermal_sys|cpuidle|KASLR|kvm-clock|Policy zone|random: |x2apic|SMBIOS|DMI: |CPU\d"
)
_FURTHER = re.compile(
    r"Freeing unused kernel|Run /(?:s?bin/)?init|systemd\[|EXT4-fs|XFS \(|login:|Welcome to|init\[|Kernel panic|reboot: "
)
_LEAST_LINES, _MOST_LINES, _LONGEST_NS = 3, 20_000, 30 * 10**9
_TROUBLE = frozenset(LineMeaning) - {LineMeaning.CLOCKSOURCE, LineMeaning.TSC}


def decode_early_end(evidence: Evidence) -> Iterable[object]:
    """Yield one ``ToolLine`` of the last line; nothing where the log goes on to the first program, or tells what went wrong."""
    lines = evidence.data.decode("utf-8", "replace").split("\n")[:_MOST_LINES]
    said = [(number, log_line(line)) for number, line in enumerate(lines, start=1) if line.strip()]
    stamped = [(number, line) for number, line in said if line.stamp_ns is not None]
    if len(stamped) < _LEAST_LINES or max(line.stamp_ns or 0 for _, line in stamped) > _LONGEST_NS:
        return
    texts = [line.text for _, line in said]
    if any(_FURTHER.search(text) or meaning_of(text) in _TROUBLE for text in texts):
        return
    if sum(_SETS_UP.search(text) is not None for text in texts) < _LEAST_LINES:
        return
    number, last = stamped[-1]
    yield ToolLine(meaning=ToolMeaning.BOOT_ENDS, text=last.text[:160], ref=evidence.ref(number))
