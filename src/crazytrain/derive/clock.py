"""The guest's kvmclock over the window: every look at its pages, what changed between, and how it stands to the host's clocks."""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence

from crazytrain.model.facts import Facts, GuestClock, PvclockPage, PvclockReading
from crazytrain.model.facts.clock import ClockChange, ClockDrift

_SAME_TSC = 0.01  # pages of one guest whose scales differ by more are no pair
_NEAR_NS = 30 * 10**9  # from the start of QEMU to that of the guest's TSC
_BEYOND_NS = 60 * 10**9
WITH_GUEST, WITH_HOST = "began with the guest", "runs as the host's"


def derive_clock(facts: Facts) -> GuestClock | None:
    """Gather the readings; ``None`` where RAM was not searched. No pages: searched, and none was found."""
    readings = facts.all(PvclockReading)
    if not readings:
        return None
    found = (page for reading in readings for page in reading.pages)
    pages = sorted(found, key=lambda page: (page.mono_ns, page.address))
    last = max(readings, key=lambda reading: reading.uptime_ns)
    changes = tuple(sorted(_changes(pages), key=lambda change: change.mono_ns))
    # Pages that a former kernel left behind stay as they are: the one that KVM wrote last is the guest's.
    newest = max(pages, key=lambda page: (page.after_ns, page.tsc_timestamp), default=None)
    base = _tsc_base(newest, last) if newest else None
    return GuestClock(
        pages=tuple(pages),
        uptime_ns=last.uptime_ns,
        searched_bytes=max(reading.searched_bytes for reading in readings),
        refs=tuple(reading.ref for reading in readings),
        changes=changes,
        ahead_ns=newest.signed_ns - round(newest.tsc_ns - base[1]) if newest and base else None,
        tsc_base=base[0] if base else "",
        tsc_beyond_host=bool(newest and last.host_ns and newest.tsc_ns > last.host_ns + _BEYOND_NS),
        scale_ppm=_scale_ppm(newest, last.tsc_hz),
        drift=_drift(changes),
    )


def _changes(pages: Sequence[PvclockPage]) -> Iterator[ClockChange]:
    """Pairs of readings of one page between which KVM rewrote it. A first reading says not when it was written."""
    by_address: dict[int, list[PvclockPage]] = defaultdict(list)
    for page in pages:
        by_address[page.address].append(page)
    for own in by_address.values():
        for before, now in itertools.pairwise(own):
            pair = before.tsc_hz and abs(before.tsc_hz - now.tsc_hz) <= _SAME_TSC * before.tsc_hz
            if pair and _written(now) != _written(before):
                yield _change(before, now)


def _written(page: PvclockPage) -> tuple[int, int, int]:
    return page.version, page.tsc_timestamp, page.system_time_ns


def _change(before: PvclockPage, now: PvclockPage) -> ClockChange:
    clock_ns = now.signed_ns - before.signed_ns
    tsc_ns = (now.tsc_timestamp - before.tsc_timestamp) * 1e9 / before.tsc_hz
    known = before.after_ns > 0 and now.after_ns > 0
    uncertain_ns = (now.mono_ns - now.after_ns + before.mono_ns - before.after_ns) // 2 if known else 0
    middle_ns = (now.mono_ns + now.after_ns - before.mono_ns - before.after_ns) // 2 if known else 0
    return ClockChange(
        address=now.address,
        mono_ns=now.mono_ns,
        clock_ns=clock_ns,
        step_ns=clock_ns - round(tsc_ns),
        host_ns=middle_ns,
        uncertain_ns=uncertain_ns,
    )


def _tsc_base(page: PvclockPage, reading: PvclockReading) -> tuple[str, int] | None:
    """Where the guest's TSC began, in ns of the TSC itself: 0 with the guest, or with the host, ``None``: neither fits.

    Both are tried against the one thing that is known: the page was written within the life of the QEMU process.
    """
    age_ns, host_ns = reading.uptime_ns, reading.host_ns
    if not host_ns:
        return None
    began_ns = host_ns - age_ns
    with_guest = page.tsc_ns <= age_ns + _NEAR_NS
    with_host = began_ns - _NEAR_NS <= page.tsc_ns <= host_ns + _NEAR_NS
    if with_guest == with_host:  # neither, or a guest nearly as old as the host: then both are the same
        return (WITH_GUEST, 0) if with_guest and began_ns <= _NEAR_NS else None
    return (WITH_GUEST, 0) if with_guest else (WITH_HOST, began_ns)


def _scale_ppm(page: PvclockPage | None, tsc_hz: float | None) -> float | None:
    return (page.tsc_hz / tsc_hz - 1) * 1e6 if page and tsc_hz else None


def _drift(changes: Sequence[ClockChange]) -> ClockDrift | None:
    """The rate against the host's clock between the first and the last write of one page; the page with the longest time."""
    best: ClockDrift | None = None
    longest_ns = 0
    for address in {change.address for change in changes}:
        own = [change for change in changes if change.address == address and change.host_ns > 0]
        host_ns = sum(change.host_ns for change in own)
        if not own or host_ns <= longest_ns:
            continue
        longest_ns = host_ns
        clock_ns = sum(change.clock_ns for change in own)
        # what is not known of the moments between cancels out: only the first and the last count
        uncertain_ns = (own[0].uncertain_ns + own[-1].uncertain_ns) if len(own) > 1 else own[0].uncertain_ns
        best = ClockDrift(
            address=address, ppm=(clock_ns / host_ns - 1) * 1e6, uncertain_ppm=max(1.0, uncertain_ns / host_ns * 1e6)
        )
    return best
