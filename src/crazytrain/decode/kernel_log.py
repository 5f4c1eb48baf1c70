"""KERNEL_LOG: the end of the host's kernel log, as ``dmesg`` or the journal prints it."""

import re
from collections import deque
from collections.abc import Iterable, Iterator

from crazytrain.decode.kernel_log_patterns import meaning_of, task_of
from crazytrain.decode.proc_text import keyed, keyed_number
from crazytrain.model.bundle import unpack
from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.facts.logs import KernelLine, KernelLog

_STAMP = re.compile(
    rb"^(?:<\d{1,3}>|[a-z]\w{1,9} {0,6}:\w{1,8} {0,4}: )?\[\s{0,8}(\d{1,10})\.(\d{6})\](?:\[[^\]\n]{1,20}\])? ?(?:\S{1,255} kernel: )?"
)
_LEVEL = re.compile(rb"^(?:<(\d{1,3})>|([a-z]\w{1,9}) {0,6}:)")
_LONGEST = 400
_MOST_KEPT = 400
_FACILITY_KERNEL = (
    8  # of the number in <>: level plus eight times the facility; the kernel's is 0, others wrote to /dev/kmsg
)


def decode_kernel_log(evidence: Evidence) -> Iterable[object]:
    """Yield one ``KernelLog``; nothing where the log is not in the bundle.

    Stamps count on the kernel's local clock. ``mono_ns`` of a line takes it for ``CLOCK_MONOTONIC``, ``corrected_ns`` says by how much
    that one is ahead since boot because NTP slews it. Lines that programs wrote to /dev/kmsg do not count: they may say anything. ::

        kern  :warn  : [ 8812.345678] x86/split lock detection: #AC: CPU 0/KVM/4711 took a split_lock trap at address: 0x7c1b
    """
    parts = {part.name: part for part in unpack(evidence.data) if part.outcome is Outcome.OK}
    part = next((part for name, part in parts.items() if name.startswith(("dmesg", "journalctl"))), None)
    if part is None:
        return
    lines = part.data.split(b"\n")
    stamps = [found for found in map(_STAMP.match, lines) if found]
    yield KernelLog(
        lines=len(stamps),
        matter=tuple(deque(_matter(lines, part.line, evidence), maxlen=_MOST_KEPT)),
        since_s=_seconds(stamps[0]) if stamps else None,
        corrected_ns=_corrected_ns(keyed(parts["clocks"].data)) if "clocks" in parts else 0,
        mono_ns=evidence.mono_ns,
        wall_ns=evidence.wall_ns,
        refs=(evidence.ref(part.line),),
    )


def _matter(lines: list[bytes], first: int, evidence: Evidence) -> Iterator[KernelLine]:
    for number, line in enumerate(lines):
        found = _STAMP.match(line)
        level = _LEVEL.match(line)
        if found is None or (level and _is_a_programs(level)):
            continue
        text = line[found.end() :][: 2 * _LONGEST].decode("utf-8", "backslashreplace").strip()
        meaning = meaning_of(text)
        if meaning is None:
            continue
        pid, comm = task_of(text)
        stamp_s = _seconds(found)
        mono_ns = int(found[1]) * 10**9 + int(found[2]) * 1000
        yield KernelLine(
            meaning=meaning,
            text=text[:_LONGEST],
            ref=evidence.ref(first + number),
            stamp_s=stamp_s,
            mono_ns=mono_ns,
            wall_ns=evidence.wall_ns - (evidence.mono_ns - mono_ns) if evidence.wall_ns else None,
            pid=pid,
            comm=comm,
        )


def _is_a_programs(level: re.Match[bytes]) -> bool:
    return int(level[1]) >= _FACILITY_KERNEL if level[1] else level[2] != b"kern"


def _seconds(stamp: re.Match[bytes]) -> float:
    return int(stamp[1]) + int(stamp[2]) / 1e6


def _corrected_ns(clocks: dict[str, str]) -> int:
    mono_ns, raw_ns = keyed_number(clocks, "CLOCK_MONOTONIC"), keyed_number(clocks, "CLOCK_MONOTONIC_RAW")
    return 0 if mono_ns is None or raw_ns is None else mono_ns - raw_ns
