"""The guest's kvmclock over the window: every look at its pages, in order of time."""

from crazytrain.model.facts import Facts, GuestClock, PvclockReading


def derive_clock(facts: Facts) -> GuestClock | None:
    """Gather the readings; ``None`` where RAM was not searched. No pages: searched, and none was found."""
    readings = facts.all(PvclockReading)
    if not readings:
        return None
    pages = (page for reading in readings for page in reading.pages)
    return GuestClock(
        pages=tuple(sorted(pages, key=lambda page: (page.mono_ns, page.address))),
        uptime_ns=max(reading.uptime_ns for reading in readings),
        searched_bytes=max(reading.searched_bytes for reading in readings),
        refs=tuple(reading.ref for reading in readings),
    )
