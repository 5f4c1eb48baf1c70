"""The counters of a process's eventfds at one instant, by their fdinfo."""

import re
from collections.abc import Iterable

from crazytrain.model.bundle import unpack
from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.facts.loop import EventfdCount, EventfdCounts

_INFO = re.compile(r"(?:/?proc/\d{1,10}/)?fdinfo/(\d{1,9})")
# The kernel writes the counter in hexadecimal (eventfd_show_fdinfo in fs/eventfd.c), its own number in decimal.
_COUNT = re.compile(rb"^eventfd-count:\s*([0-9a-f]{1,16})$", re.MULTILINE)
_ID = re.compile(rb"^eventfd-id:\s*(\d{1,9})$", re.MULTILINE)


def decode_eventfd_counts(evidence: Evidence) -> Iterable[object]:
    """Yield one ``EventfdCounts``; nothing where no eventfd is among the descriptors."""
    counts: list[EventfdCount] = []
    for part in unpack(evidence.data):
        found = _INFO.fullmatch(part.name)
        count = _COUNT.search(part.data) if found and part.outcome is Outcome.OK else None
        if found and count:
            number = _ID.search(part.data)
            counts.append(EventfdCount(int(found[1]), int(count[1], 16), int(number[1]) if number else None))
    if counts:
        yield EventfdCounts(mono_ns=evidence.mono_ns, counts=tuple(counts), ref=evidence.ref())
