"""QEMU_TEXT and LIBVIRT_TEXT: the guest's memory, ``info balloon`` and ``virsh dommemstat``, each time that it was printed.

    (qemu) info balloon
    balloon: actual=4096
    actual 4194304
    swap_in 0
    unused 123456
    usable 234567

Sources: QEMU hw/virtio/virtio-balloon and monitor/hmp-cmds.c (MiB); libvirt docs/manpages/virsh.rst, dommemstat (KiB).
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.moments import GuestMemory

_BALLOON = re.compile(r"balloon: actual=(\d{1,12})(?:$| )")
_STAT = re.compile(
    r"(actual|swap_in|swap_out|major_fault|minor_fault|unused|available|usable|last_update|disk_caches|hugetlb_\w{1,12}|rss) (\d{1,19})$"
)
_MOST_LINES = 200_000


def decode_guest_memory(evidence: Evidence) -> Iterable[object]:
    """Yield a ``GuestMemory`` for each print-out."""
    lines = evidence.data.decode("utf-8", "replace").split("\n")[:_MOST_LINES]
    for number, line in enumerate(lines, start=1):
        said = _BALLOON.match(line.strip()[:200])
        if said:
            ref = evidence.ref(number)
            yield GuestMemory(mono_ns=0, told_by="info balloon", actual_bytes=int(said[1]) << 20, ref=ref)
    yield from _stats(lines, evidence)


def _stats(lines: Sequence[str], evidence: Evidence) -> Iterator[GuestMemory]:
    """A line that is there already begins another print-out."""
    found: dict[str, int] = {}
    begin = 0
    for number, line in enumerate(lines, start=1):
        said = _STAT.match(line.strip()[:200])
        if said and said[1] in found:
            yield from _memory(found, begin, evidence)
            found = {}
        if said:
            begin = begin if found else number
            found[said[1]] = int(said[2]) << 10
    yield from _memory(found, begin, evidence)


def _memory(found: dict[str, int], begin: int, evidence: Evidence) -> Iterator[GuestMemory]:
    if "actual" in found:
        yield GuestMemory(
            mono_ns=0,
            told_by="dommemstat",
            actual_bytes=found["actual"],
            usable_bytes=found.get("usable"),
            swapped_in_bytes=found.get("swap_in"),
            ref=evidence.ref(begin),
        )
