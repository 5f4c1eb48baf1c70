"""The guest from inside over the window: its readings, samples and log together."""

import msgspec

from crazytrain.derive.inside_view import inside_view
from crazytrain.model.facts import Facts
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.inside import FoundBy, GuestLog, InsideProfile, InsideReading


def derive_inside(facts: Facts) -> GuestInside | None:
    """Compare the first and the last reading in which a kernel was found; ``None`` without one."""
    readings = sorted((one for one in facts.all(InsideReading) if one.kernel), key=lambda one: one.mono_ns)
    if not readings:
        return None
    profile, log = facts.get(InsideProfile), facts.get(GuestLog)
    seen = (*readings, *(one for one in (profile, log) if one))
    view = inside_view(readings[0], readings[-1], profile, log)
    earliest = min(facts.all(InsideReading), key=lambda one: one.mono_ns)
    if _is_gone(readings[0], readings[-1]) or _is_new(earliest, readings[-1]):
        view = msgspec.structs.replace(view, rebooted=True)
    return GuestInside(
        last=readings[-1],
        view=view,
        refs=tuple(ref for one in seen for ref in one.refs),
        first_uptime_ns=_uptime_ns(readings[0]),
    )


def _is_gone(first: InsideReading, last: InsideReading) -> bool:
    """Whether the kernel of the first reading is run by no vCPU any more: only its banner was left in RAM."""
    before, after = first.kernel, last.kernel
    return bool(before and after and before.symbols and not after.symbols and after.found_by is FoundBy.BANNER)


def _is_new(first: InsideReading, last: InsideReading) -> bool:
    """Whether the kernel of the last reading was started after the first one, in which none ran yet."""
    up_ns = _uptime_ns(last)
    none_ran = first.kernel is None or not first.kernel.symbols
    runs = last.kernel is not None and last.kernel.symbols > 0
    return none_ran and runs and up_ns is not None and up_ns < last.mono_ns - first.mono_ns


def _uptime_ns(reading: InsideReading) -> int | None:
    clock = reading.clock
    return None if clock is None else clock.boot_ns if clock.boot_ns is not None else clock.monotonic_ns
