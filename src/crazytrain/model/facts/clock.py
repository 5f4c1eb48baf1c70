"""Facts about the guest's clock: kvmclock pages as KVM wrote them into guest RAM."""

import msgspec

from crazytrain.model.evidence import Ref


class PvclockPage(msgspec.Struct, frozen=True, kw_only=True):
    """One ``struct pvclock_vcpu_time_info`` (32 bytes) at guest-physical ``address``.

    ``system_time_ns`` is unsigned, as the guest reads it; ``signed_ns`` shows a clock that was stepped below zero. It was read at
    ``mono_ns``; KVM wrote it between ``after_ns`` (0: not known) and then.
    """

    address: int
    version: int
    tsc_timestamp: int
    system_time_ns: int
    tsc_to_system_mul: int
    tsc_shift: int
    flags: int
    mono_ns: int = 0
    after_ns: int = 0
    raw: bytes = b""

    @property
    def tsc_ns(self) -> float:
        """What ``tsc_timestamp`` stands for in ns, by the page's own scale."""
        return self.tsc_timestamp * 1e9 / self.tsc_hz if self.tsc_hz else 0.0

    @property
    def tsc_is_stable(self) -> bool:
        """Flag 0: the guest may compare the clocks of its vCPUs."""
        return bool(self.flags & 1)

    @property
    def guest_was_stopped(self) -> bool:
        """Flag 1: the host has told the guest that it was stopped, and the guest has not taken note of it yet."""
        return bool(self.flags & 2)

    @property
    def signed_ns(self) -> int:
        """``system_time_ns`` read as a signed number."""
        return self.system_time_ns - (1 << 64) if self.system_time_ns >= 1 << 63 else self.system_time_ns

    @property
    def tsc_hz(self) -> float:
        """The TSC frequency that the scale stands for, in Hz."""
        if not self.tsc_to_system_mul:
            return 0.0
        hz: float = 1e9 * (1 << 32) / self.tsc_to_system_mul
        return hz / (1 << self.tsc_shift) if self.tsc_shift >= 0 else hz * (1 << -self.tsc_shift)


class PvclockReading(msgspec.Struct, frozen=True, kw_only=True):
    """One search for kvmclock pages, or the later looks at those found (each page as often as it changed, and at the end).

    ``uptime_ns``: age of the QEMU process then. ``host_ns``: that of the host, 0 where it is not known; ``tsc_hz``: its TSC's frequency.
    """

    pages: tuple[PvclockPage, ...]
    uptime_ns: int
    searched_bytes: int
    ref: Ref
    host_ns: int = 0
    tsc_hz: float | None = None


class ClockChange(msgspec.Struct, frozen=True, kw_only=True):
    """KVM rewrote one page between two looks.

    ``step_ns`` is by how much system_time went on more than the page's TSC did: 0 where the clock goes on smoothly, whatever the
    host's clocks do. It is exact to some ns. ``host_ns`` is the host's time between the two writes, known to within ``uncertain_ns``.
    """

    address: int
    mono_ns: int
    clock_ns: int
    step_ns: int
    host_ns: int
    uncertain_ns: int


class ClockDrift(msgspec.Struct, frozen=True, kw_only=True):
    """How much faster than the host's CLOCK_MONOTONIC the guest's clock went on, in ppm, give or take ``uncertain_ppm``.

    Known only from pages that KVM rewrote within the window, for the guest's own TSC cannot be read from outside.
    """

    address: int
    ppm: float
    uncertain_ppm: float


class GuestClock(msgspec.Struct, frozen=True, kw_only=True):
    """The guest's kvmclock judged against the host. ``uptime_ns`` is how long the QEMU process lives.

    ``pages`` are all readings in order of time, so that an address stands there once for each look. No pages means that
    ``searched_bytes`` were searched and none was found. A page that a former kernel left behind in RAM looks the same.

    ``changes`` are the pages that KVM rewrote within the window. ``ahead_ns`` is by how much system_time is ahead of the time that
    the page's TSC has run since the guest was made (below 0: behind, as after a pause), where the TSC began at 0 with the guest
    or runs as the host's does (``tsc_base``: which); ``None`` where it does neither: it was set by a migration, or by the guest.
    ``scale_ppm`` compares the page's TSC frequency with the host's.
    """

    pages: tuple[PvclockPage, ...]
    uptime_ns: int
    searched_bytes: int
    refs: tuple[Ref, ...]
    changes: tuple[ClockChange, ...] = ()
    ahead_ns: int | None = None
    tsc_base: str = ""
    tsc_beyond_host: bool = False
    scale_ppm: float | None = None
    drift: ClockDrift | None = None
