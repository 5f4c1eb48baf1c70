"""Finding kvmclock pages in guest RAM: pure, over bytes.

``struct pvclock_vcpu_time_info`` (linux/arch/x86/include/asm/pvclock-abi.h), 32 bytes, little endian, written by KVM at
the guest-physical address that the guest put into MSR_KVM_SYSTEM_TIME_NEW (0x4b564d01)::

    +0 version u32 (odd while KVM writes)   +4 pad u32         +8 tsc_timestamp u64   +16 system_time u64 (ns)
    +24 tsc_to_system_mul u32               +28 tsc_shift s8   +29 flags u8           +30 pad u8[2]

Nothing marks such a page, so several things have to fit before one is believed. KVM asks for an alignment of 4 bytes
only; Linux (64) and the BSDs use more, and this search goes in steps of 32.
"""

import struct
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from crazytrain.model.facts.clock import PvclockPage

PAGE_BYTES = 32
STEP_BYTES = 32
_LAYOUT = struct.Struct("<IIQQIbBH")
_LOWEST_HZ, _HIGHEST_HZ = 0.4e9, 7e9
_FARTHEST_NS = 100 * 365 * 86_400 * 10**9  # from zero, either way: clocks that were set back wrap around 64 bits
_LONGEST_UP_S = 20 * 365 * 86_400
_FEWEST_TICKS = 1 << 20  # no firmware comes to set up the page within the first half millisecond
_SHORTEST_NS = 500_000
_SLACK_NS = 60 * 10**9
_BELOW_ZERO = 0xFFF0_0000  # as a scale this is a TSC of 1 GHz; mostly it is a small negative number (jiffies at boot)
_NOTHING = bytes(32)
_SAME_CLOCK = 0.002  # KVM's own measure of the TSC and the one in cpuinfo differ by less
_LIKELY_CLOCK = 0.3
_SHIFTS = range(-8, 9)


def _table(good: Iterable[int]) -> bytes:
    """Translate a byte to 1 where it may stand in its place of the structure, else to 0."""
    fitting = {value & 0xFF for value in good}
    return bytes(value in fitting for value in range(256))


# Which bytes may stand where; the rarest first, so that most of memory is done with after one or two columns.
_COLUMNS = (
    (29, _table(range(8))),  # flags
    (28, _table(_SHIFTS)),
    (27, _table(range(0x80, 0x100))),  # KVM scales the multiplier until its top bit is set
    *((place, _table((0,))) for place in (30, 31, 4, 5, 6, 7)),
    (0, _table(range(0, 0x100, 2))),
)


class Candidate(msgspec.Struct, frozen=True):
    """What may be a kvmclock page. ``apart``: at a multiple of 64, and nothing follows up to the next one."""

    page: PvclockPage
    apart: bool


def candidates(data: bytes, address: int) -> Iterator[Candidate]:
    """Yield what may be kvmclock pages in ``data``, which begins at guest-physical ``address`` (a multiple of 64).

    Works on columns of bytes at once (about a nanosecond a byte), so that it may go over many MiB.
    """
    slots = len(data) // STEP_BYTES
    hits = -1
    for place, table in _COLUMNS:
        hits &= int.from_bytes(data[place : slots * STEP_BYTES : STEP_BYTES].translate(table), "little")
        if not hits:
            return
    marks = hits.to_bytes(slots, "little")
    slot = marks.find(1)
    while slot >= 0:
        start = slot * STEP_BYTES
        page = page_of(data[start : start + PAGE_BYTES], address + start)
        if page and plausible(page):
            yield Candidate(page, slot % 2 == 0 and data[start + PAGE_BYTES : start + 64] == _NOTHING)
        slot = marks.find(1, slot + 1)


def page_of(raw: bytes, address: int, mono_ns: int = 0) -> PvclockPage | None:
    """Read the 32 bytes as the structure; ``None`` where they are fewer."""
    if len(raw) != PAGE_BYTES:
        return None
    version, _, tsc_timestamp, system_time, mul, shift, flags, _ = _LAYOUT.unpack(raw)
    return PvclockPage(
        address=address,
        version=version,
        tsc_timestamp=tsc_timestamp,
        system_time_ns=system_time,
        tsc_to_system_mul=mul,
        tsc_shift=shift,
        flags=flags,
        mono_ns=mono_ns,
        raw=bytes(raw),
    )


def plausible(page: PvclockPage) -> bool:
    """Whether all fields hold what KVM may write: a version that is not being written, a TSC that exists, a time."""
    fits = page.raw[4:8] == b"\0\0\0\0" and page.raw[30:] == b"\0\0" and page.flags < 8 and page.tsc_shift in _SHIFTS
    if not fits or not page.version or page.version % 2 or page.tsc_to_system_mul < 1 << 31:
        return False
    if page.tsc_shift == 0 and page.tsc_to_system_mul >= _BELOW_ZERO:
        return False
    ticks_fit = _FEWEST_TICKS < page.tsc_timestamp < page.tsc_hz * _LONGEST_UP_S
    return _LOWEST_HZ <= page.tsc_hz <= _HIGHEST_HZ and ticks_fit and abs(page.signed_ns) < _FARTHEST_NS


class Believed(msgspec.Struct, frozen=True):
    """Pages that are believed, and in words why."""

    pages: tuple[PvclockPage, ...]
    why: str


class Here(msgspec.Struct, frozen=True, kw_only=True):
    """What the host knows: its TSC's frequency (``None``: not known), the age of the QEMU process, and its own."""

    tsc_hz: float | None
    guest_ns: int
    host_ns: int


def believe(found: Iterable[Candidate], here: Here) -> Believed:
    """Choose among candidates.

    A page whose scale is the host's own TSC is believed when it shows an ordinary time, or stands apart as guest kernels
    lay it out: that is how a clock that was stepped is told from other bytes. A page of another scale (the guest was
    given another TSC frequency, or the host's is not known) needs a second one of just that scale in the same 4 KiB,
    as the pages of a guest's vCPUs are, and the scale has to be within 30 % of the host's.
    """
    likely = [one for one in found if one.apart or ordinary(one.page, here)]
    if here.tsc_hz:
        same = tuple(one.page for one in likely if _off(one.page, here.tsc_hz) <= _SAME_CLOCK)
        if same:
            return Believed(same, "their scale is that of the host's TSC")
        likely = [one for one in likely if _off(one.page, here.tsc_hz) <= _LIKELY_CLOCK]
    groups = Counter(map(_group, (one.page for one in likely)))
    shared = tuple(one.page for one in likely if groups[_group(one.page)] > 1)
    return Believed(shared, "several beside each other share one scale" if shared else "")


def ordinary(page: PvclockPage, here: Here) -> bool:
    """Whether the time is one that a guest of this age has, and the TSC one of this host since it was started.

    A guest's TSC begins at 0 or, where KVM does not shift it, with the host.
    """
    ticks_ns = page.tsc_timestamp * 1e9 / page.tsc_hz
    return _SHORTEST_NS < page.signed_ns < here.guest_ns + _SLACK_NS and ticks_ns < here.host_ns + _SLACK_NS


def _group(page: PvclockPage) -> tuple[int, int, int]:
    return page.address >> 12, page.tsc_to_system_mul, page.tsc_shift


def _off(page: PvclockPage, hz: float) -> float:
    return abs(page.tsc_hz - hz) / hz
