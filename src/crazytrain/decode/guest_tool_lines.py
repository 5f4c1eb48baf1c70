"""Lines that a guest's kernel, its files and profiles of it print, of whatever kind the text is: what they mean, one row a meaning.

Sources: FreeBSD sys/kern/kern_resource.c (calcru), Linux kernel/reboot.c, drivers/char/rtc.c and drivers/rtc/proc.c, tools/perf (top).
"""

import re
from collections.abc import Iterable

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.tool_lines import ToolLine
from crazytrain.model.facts.tool_lines import ToolMeaning as M

_MOST_LINES, _LONGEST, _SHOWN, _MOST_KEPT = 50_000, 1000, 160, 16
_ROWS: tuple[tuple[M, re.Pattern[str]], ...] = (
    (
        M.CLOCK_WENT_BACK,
        re.compile(r"\bcalcru: (?:runtime went backwards|negative runtime)|\b[Tt]ime went backwards\b"),
    ),
    (
        M.GUEST_HALTED,
        re.compile(
            r"\breboot: (?:System halted|Power down)\b|\bThe operating system has halted\b|^(?:\[ *\d+\.\d+\] )?(?:System halted|Power down)\.?$"
            r"|\bSafe to Power Off\b|\bPlease press any key to reboot\b|\bIt is now safe to turn off your computer\b",
            re.IGNORECASE,
        ),
    ),
    (M.CLOCK_STEPPED, re.compile(r"\bSystem time +: \d{2,}\.\d+ seconds (?:slow|fast) of NTP\b")),
    (
        M.TASKS_AT_DISK,
        re.compile(
            r"^\d+ +D\S{0,3} +(?:jbd2_\w+|wait_transaction_locked|rq_qos_wait|io_schedule\w*|blk_\w+|bit_wait_io|wait_on_page\w*|xfs_\w+|wbt_wait"
            r"|balance_dirty_pages\w*|folio_wait\w*|__?lock_page|submit_bio_wait|get_request\w*) +(?!qemu|kvm|CPU|worker|z_|zvol)\S"
        ),
    ),
    (M.RTC_PERIODIC, re.compile(r"^periodic_IRQ\s*: *yes\b")),
    (M.IN_GUEST_PROGRAMS, re.compile(r"\bguest us: *(?:[6-9]\d|100)\.\d+%")),
    (M.TCG_CPU, re.compile(r"\bQEMU TCG CPU\b")),
    (M.EMULATION_SET, re.compile(r"^\W{0,3}useEmulation\W{1,3}true\b|^virt_type *= *qemu$")),
    (M.IN_GUEST_KERNEL, re.compile(r"\bguest kernel: *(?:[6-9]\d|100)\.\d+%")),
)


def decode_guest_tool_lines(evidence: Evidence) -> Iterable[object]:
    """Yield a ``ToolLine`` for each such line, at most ``_MOST_KEPT``.

    Such a line: ::

    calcru: runtime went backwards from 5301 usec to 2402 usec for pid 811 (devd)
    """
    kept = 0
    for number, whole in enumerate(evidence.data.decode("utf-8", "replace").split("\n")[:_MOST_LINES], start=1):
        line = whole[:_LONGEST].strip()
        meaning = next((meaning for meaning, words in _ROWS if words.search(line)), None)
        if meaning is not None and kept < _MOST_KEPT:
            kept += 1
            yield ToolLine(meaning=meaning, text=line[:_SHOWN], ref=evidence.ref(number))
