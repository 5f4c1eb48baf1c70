"""Facts about the guest's clock: kvmclock pages as KVM wrote them into guest RAM."""

import msgspec

from crazytrain.model.evidence import Ref


class PvclockPage(msgspec.Struct, frozen=True, kw_only=True):
    """One ``struct pvclock_vcpu_time_info`` (32 bytes) at guest-physical ``address``.

    ``system_time_ns`` is unsigned, as the guest reads it; ``signed_ns`` shows a clock that was stepped below zero.
    """

    address: int
    version: int
    tsc_timestamp: int
    system_time_ns: int
    tsc_to_system_mul: int
    tsc_shift: int
    flags: int
    mono_ns: int = 0
    raw: bytes = b""

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
    """One search for kvmclock pages, or one later look at those found. ``uptime_ns``: age of the QEMU process then."""

    pages: tuple[PvclockPage, ...]
    uptime_ns: int
    searched_bytes: int
    ref: Ref


class GuestClock(msgspec.Struct, frozen=True, kw_only=True):
    """The guest's kvmclock judged against the host. ``uptime_ns`` is how long the QEMU process lives.

    ``pages`` are all readings in order of time, so that an address stands there once for each look. No pages means that
    ``searched_bytes`` were searched and none was found. A page that a former kernel left behind in RAM looks the same.
    """

    pages: tuple[PvclockPage, ...]
    uptime_ns: int
    searched_bytes: int
    refs: tuple[Ref, ...]
