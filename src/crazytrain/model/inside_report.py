"""What ``crazytrain inside`` gives: the guest as seen from inside, for people and machines."""

import msgspec

from crazytrain.model.facts.clock import GuestClock
from crazytrain.model.facts.inside import InsideLog, InsideProfile, InsideReading, Missing
from crazytrain.model.facts.inside_view import InsideView
from crazytrain.model.facts.vcpu import VcpuActivity
from crazytrain.model.report import GuestView

INSIDE_SCHEMA_VERSION = 1


class InsideReport(msgspec.Struct, frozen=True, kw_only=True):
    """The figures (``view``), and what they were made of: two readings (``last`` is ``null`` where there was no window), and
    the samples between them. Names and texts in readings, profile and log are as the guest wrote them: hostile.

    ``at`` is when the report was made (ISO, UTC). ``outside`` is what the vCPUs' registers tell of a guest whose kernel could not be
    read; ``kvmclock`` the clock pages that KVM keeps in its RAM, judged against the host; ``missing`` is what could not be had at
    all, and why. ``took_ns`` and ``cpu_ns``: what looking took of us.
    """

    schema_version: int = INSIDE_SCHEMA_VERSION
    tool: str
    guest: GuestView
    at: str
    view: InsideView | None = None
    first: InsideReading | None = None
    last: InsideReading | None = None
    profile: InsideProfile | None = None
    log: InsideLog | None = None
    outside: tuple[VcpuActivity, ...] = ()
    kvmclock: GuestClock | None = None
    missing: tuple[Missing, ...] = ()
    took_ns: int = 0
    cpu_ns: int = 0

    @property
    def newest(self) -> InsideReading | None:
        """The last reading that there is."""
        return self.last or self.first
