"""Where all of a guest's RAM lies in the QEMU process: as its monitor says, else by its mappings and its command line."""

from crazytrain.collect.inside_monitor import Asker
from crazytrain.collect.inside_ram_maps import Mapped, mapped_in, ram_by_mappings
from crazytrain.collect.inside_ram_monitor import ram_by_monitor
from crazytrain.collect.inside_ram_words import why_encrypted
from crazytrain.host.door import Host, outcome_of
from crazytrain.model.guest import Guest
from crazytrain.model.guest_memory import RamMap, Segment, Unreadable

_MAPS_LIMIT_BYTES = 8 << 20
_PATIENCE_S = 2.0


async def find_ram_map(host: Host, guest: Guest, ask_monitor: Asker | None) -> RamMap:
    """Find the RAM; nothing of it is read. Raises ``Unreadable`` where it is encrypted, hidden from the host or not to be told.

    The monitor knows it exactly (4 to 12 ms); ``ask_monitor`` is ``None`` where it must not be asked.
    """
    if why := why_encrypted(guest.command_line):
        raise Unreadable(why)
    if ask_monitor is None:
        return ram_by_mappings(guest, await _mappings(host, guest))
    try:
        found = await ram_by_monitor(ask_monitor)
        _within(found, await _mappings(host, guest))  # after it was asked: memory may have been plugged in just before
    except Unreadable as error:
        return _instead(guest, await _mappings(host, guest), error)
    return found


def _instead(guest: Guest, mapped: tuple[Mapped, ...], why: Unreadable) -> RamMap:
    """Without the monitor; where that does not tell either, both reasons are said."""
    try:
        found = ram_by_mappings(guest, mapped)
    except Unreadable as error:
        raise Unreadable(f"{error}; {why}") from error
    return RamMap(segments=found.segments, how=f"{found.how} ({why})")


async def _mappings(host: Host, guest: Guest) -> tuple[Mapped, ...]:
    """Read them with patience: a process whose lock is held makes us wait."""
    try:
        maps = await host.patiently(lambda: host.read(f"/proc/{guest.pid}/maps", _MAPS_LIMIT_BYTES), _PATIENCE_S)
    except PermissionError as error:
        raise Unreadable("reading the guest's mappings needs CAP_SYS_PTRACE (be root)") from error
    except OSError as error:
        raise Unreadable(f"the guest's mappings cannot be read: {outcome_of(error)[1]}") from error
    return mapped_in(maps)


def _within(found: RamMap, mapped: tuple[Mapped, ...]) -> None:
    """Check that each segment lies in the process's mappings: a monitor of another process would be a trap."""
    for segment in found.segments:
        if not any(one.holds(segment.place, segment.size_bytes) for one in mapped):
            raise Unreadable(f"{_span(segment)}, as the monitor has it, is not mapped in this process")


def _span(segment: Segment) -> str:
    return f"RAM at {segment.address:#x}, {segment.size_bytes >> 10} KiB"
