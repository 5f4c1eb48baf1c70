"""How far a lab guest is, by its own count: what its speed is measured with."""

import time

import msgspec

from crazytrain.lab.errors import LabError, NotReady
from crazytrain.lab.guest import Counted, CountedInRam, LabGuest
from crazytrain.lab.guests import find_guest
from crazytrain.lab.guests.kvmclock_jump import MARKER, MARKER_AT
from crazytrain.lab.logs import count, last_number
from crazytrain.lab.ram import find_ram
from crazytrain.lab.running import Running
from crazytrain.lab.wait import wait_until

_MARK_LIMIT_S = 30.0
_MARK_STEP_S = 0.002


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A count, and the moment at which it was new. Guests count in steps: between two marks the speed is exact."""

    count: int
    mono_ns: int

    def per_s_since(self, earlier: "Mark") -> float:
        """Units per second between two marks."""
        return (self.count - earlier.count) * 1e9 / (self.mono_ns - earlier.mono_ns)


def count_progress(guest: Running) -> int | None:
    """Return how far the guest is by its own count; ``None`` where it cannot count (see ``LabGuest.progress``)."""
    kind = find_guest(guest.guest)
    if isinstance(kind.progress, CountedInRam):
        return _counted_in_ram(guest, kind, kind.progress)
    if kind.progress is None:
        return None
    return _counted(guest, kind.progress)


def mark_progress(guest: Running) -> Mark:
    """Wait until the guest's count moves and return it with the moment; ``LabError`` if it cannot count or does not."""
    before = count_progress(guest)
    if before is None:
        raise LabError(f"{guest.name} does not count its progress")
    if not wait_until(lambda: count_progress(guest) != before, _MARK_LIMIT_S, _MARK_STEP_S):
        raise NotReady(f"{guest.name} made no progress within {_MARK_LIMIT_S:g} s")
    return Mark(count=count_progress(guest) or 0, mono_ns=time.monotonic_ns())


def _counted(guest: Running, progress: Counted) -> int:
    log = guest.folder / progress.file
    return last_number(log, progress.pattern) if "(" in progress.pattern else count(log, progress.pattern)


def _counted_in_ram(guest: Running, kind: LabGuest, progress: CountedInRam) -> int:
    ram = find_ram(guest.pid, kind.memory_bytes, MARKER, MARKER_AT)
    return ram.number(progress.address, 8)
