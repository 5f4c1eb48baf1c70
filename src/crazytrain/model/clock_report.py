"""What ``crazytrain clock`` shows: how a guest's clock is set up, how it goes, and what fits badly."""

import msgspec

from crazytrain.model.facts.clock import GuestClock
from crazytrain.model.facts.clock_setup import AgentClock, ClockArgv, ClockFit, ClockState, ClockXml
from crazytrain.model.facts.devices import MachineTraits
from crazytrain.model.facts.host import HostFacts
from crazytrain.model.facts.inside import ClockReading, Missing
from crazytrain.model.facts.services import RtcReading
from crazytrain.model.report import EvidenceView, GuestView

CLOCK_SCHEMA_VERSION = 1


class PendingView(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the two definitions of a domain say differently: ``persistent`` comes true after a full stop and start."""

    what: str
    live: str
    persistent: str


class ClockReport(msgspec.Struct, frozen=True, kw_only=True):
    """The figures and what they rest on; texts that come from the guest are hostile until they are escaped.

    ``at`` is when it was made (ISO, UTC). ``state`` is the guest's clock put together from all ways of knowing it, ``xml`` what libvirt
    has written down (live, persistent), ``pending`` where these two differ, ``argv`` what the running QEMU was started with, ``traits``
    what its monitor says of the machine, ``agent``, ``memory`` and ``kvmclock`` what each way told, ``rtc`` the real-time clock against
    the host, ``status`` QEMU's run state (running, paused, ...; empty: not told), ``fit`` what fits badly. ``missing`` is what could not
    be had, and why. ``evidence`` is what the ``refs`` name.
    """

    schema_version: int = CLOCK_SCHEMA_VERSION
    tool: str
    guest: GuestView
    at: str
    window_ns: int
    state: ClockState
    fit: ClockFit
    xml: tuple[ClockXml, ...] = ()
    pending: tuple[PendingView, ...] = ()
    argv: ClockArgv | None = None
    traits: MachineTraits | None = None
    agent: AgentClock | None = None
    memory: ClockReading | None = None
    kvmclock: GuestClock | None = None
    rtc: RtcReading | None = None
    status: str = ""
    host: HostFacts | None = None
    missing: tuple[Missing, ...] = ()
    evidence: tuple[EvidenceView, ...] = ()
    took_ns: int = 0
    cpu_ns: int = 0
