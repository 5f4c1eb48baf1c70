"""How a guest's clock is set up: what libvirt has written down, what QEMU was started with, what the guest says, and what fits badly."""

from enum import StrEnum

import msgspec

from crazytrain.model.evidence import Ref
from crazytrain.model.facts.inside import Missing
from crazytrain.model.finding import Step


class Place(StrEnum):
    """Which of libvirt's two definitions: of the guest that runs, or of its next full start."""

    LIVE = "live"
    PERSISTENT = "persistent"


class TimerSetting(msgspec.Struct, frozen=True, kw_only=True):
    """One ``<timer>`` of a domain's XML. ``present`` is ``None`` where the XML does not say."""

    name: str
    present: bool | None = None
    tickpolicy: str = ""
    track: str = ""
    mode: str = ""
    frequency_hz: int | None = None


class ClockXml(msgspec.Struct, frozen=True, kw_only=True):
    """What one definition of a libvirt domain says of its clock.

    ``section`` are the lines of ``<clock>`` as libvirt prints them, ``beside`` those outside of it that bear on the clock (enlightenments,
    ``<hidden>``, features of the CPU). ``hyperv`` are enlightenments and what they are set to, ``features`` CPU features and their policy.
    ``system`` is what libosinfo's metadata calls the guest's system, ``kernel_words`` those of a directly booted kernel that are about clocks.
    """

    place: Place
    section: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    accelerator: str = ""
    machine: str = ""
    offset: str = ""
    timezone: str = ""
    adjustment: str = ""
    basis: str = ""
    start: str = ""
    timers: tuple[TimerSetting, ...] = ()
    hyperv: tuple[tuple[str, str], ...] = ()
    features: tuple[tuple[str, str], ...] = ()
    kvm_hidden: bool = False
    cpu: str = ""
    system: str = ""
    direct_boot: bool = False
    kernel_words: tuple[str, ...] = ()
    refs: tuple[Ref, ...] = ()

    def timer(self, name: str) -> TimerSetting | None:
        """One timer; ``None`` where the XML does not name it."""
        return next((one for one in self.timers if one.name == name), None)


class ClockOption(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that decides over the guest's clock, as the running QEMU has it.

    ``words`` are those of the command line; empty where it does not say and ``default_of`` names what the value is the default of.
    An empty ``value``: nobody knows from here.
    """

    name: str
    value: str
    words: str = ""
    default_of: str = ""

    @property
    def said(self) -> bool:
        """Whether the command line says it."""
        return bool(self.words)


class ClockArgv(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a running QEMU that make its guest's clock. ``incoming``: it was started to take a migrated or saved guest.

    ``accelerator`` as in ``model.guest``; ``x86`` is false where none of the PC's timers are there.
    """

    machine: str = ""
    accelerator: str = ""
    x86: bool = True
    cpu: str = ""
    options: tuple[ClockOption, ...] = ()
    incoming: bool = False
    kernel_words: tuple[str, ...] = ()
    refs: tuple[Ref, ...] = ()

    def option(self, name: str) -> ClockOption | None:
        """One option by its name."""
        return next((one for one in self.options if one.name == name), None)

    def value(self, name: str) -> str:
        """What it is set to; empty where it is not known."""
        found = self.option(name)
        return found.value if found else ""


class AgentMoment(msgspec.Struct, frozen=True, kw_only=True):
    """The guest's wall clock as its agent told it, between two looks at the host's clocks."""

    before_ns: int  # CLOCK_MONOTONIC of the host
    after_ns: int
    wall_before_ns: int
    guest_ns: int

    @property
    def doubt_ns(self) -> int:
        """Half of the time between question and answer: the guest's clock was read at some moment of it."""
        return (self.after_ns - self.before_ns) // 2

    @property
    def ahead_ns(self) -> int:
        """How far the guest's wall clock is ahead of the host's, give or take ``doubt_ns``."""
        return self.guest_ns - self.wall_before_ns - self.doubt_ns


class AgentClock(msgspec.Struct, frozen=True, kw_only=True):
    """What the guest's agent told of its clock. Texts are the guest's: hostile until they are escaped.

    ``system`` is the id of its operating system (``debian``, ``mswindows``), ``kernel_words`` those of its kernel's command line that
    are about clocks, ``tsc_flags`` those of its CPU. ``moments`` are readings of its wall clock in order of time.
    """

    version: str = ""
    system: str = ""
    system_name: str = ""
    clocksource: str = ""
    available: tuple[str, ...] = ()
    kernel_words: tuple[str, ...] = ()
    tsc_flags: tuple[str, ...] | None = None
    moments: tuple[AgentMoment, ...] = ()
    missing: tuple[Missing, ...] = ()
    refs: tuple[Ref, ...] = ()


class ConsoleClock(msgspec.Struct, frozen=True, kw_only=True):
    """What the guest's console says of its clocks: the clocksource that it switched to last, and its words on an unstable TSC."""

    clocksource: str = ""
    line: str = ""
    unstable: str = ""
    refs: tuple[Ref, ...] = ()


class SourceSaid(msgspec.Struct, frozen=True, kw_only=True):
    """A guest's clocksource by one way of knowing it (``by``: "its agent", "its memory", "its console"). ``line`` is what it printed."""

    by: str
    clocksource: str
    available: tuple[str, ...] = ()
    line: str = ""
    refs: tuple[Ref, ...] = ()


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """How much faster than the host's a clock of the guest went, in ppm, give or take ``doubt_ppm``, over ``window_ns``."""

    by: str
    ppm: float
    doubt_ppm: float
    window_ns: int
    refs: tuple[Ref, ...] = ()

    @property
    def is_beyond_doubt(self) -> bool:
        """Whether the clock surely goes faster or slower than the host's."""
        return abs(self.ppm) > self.doubt_ppm


class WallOffset(msgspec.Struct, frozen=True, kw_only=True):
    """How far the guest's wall clock is ahead of the host's, give or take ``doubt_ns`` (``None``: as of its last tick)."""

    by: str
    ahead_ns: int
    doubt_ns: int | None = None
    refs: tuple[Ref, ...] = ()


class Weight(StrEnum):
    """How much a thing that fits badly matters."""

    FAULT = "fault"  # time is wrong, or will be
    COST = "cost"  # time is right, and dear
    ADVICE = "advice"  # it works, and something else would be safer


class Misfit(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that fits badly: what, why, and what to do, least drastic first. ``slug`` is a public name: never renamed."""

    slug: str
    weight: Weight
    says: str
    why: str
    steps: tuple[Step, ...] = ()
    refs: tuple[Ref, ...] = ()


class Remark(msgspec.Struct, frozen=True):
    """Something that looks odd and is as it should be, or that nobody needs to act on now."""

    slug: str
    says: str
    refs: tuple[Ref, ...] = ()


class ClockFit(msgspec.Struct, frozen=True, kw_only=True):
    """What fits badly, the gravest first; what only looks so; and what nobody knows, each with what would tell."""

    misfits: tuple[Misfit, ...] = ()
    remarks: tuple[Remark, ...] = ()
    unknown: tuple[str, ...] = ()


class ClockState(msgspec.Struct, frozen=True, kw_only=True):
    """The guest's clock put together from all ways of knowing it. ``sources`` are in the order in which they are believed.

    ``system`` is "linux", "windows", another name, or empty; ``system_by`` how that is known. ``accelerator`` is "kvm", "tcg" or "".
    """

    sources: tuple[SourceSaid, ...] = ()
    system: str = ""
    system_by: str = ""
    accelerator: str = ""
    tsc_unstable: bool | None = None
    tsc_khz: int | None = None
    drifts: tuple[Drift, ...] = ()
    wall: tuple[WallOffset, ...] = ()
    refs: tuple[Ref, ...] = ()

    @property
    def clocksource(self) -> str:
        """The one that it keeps time by; empty where nobody knows."""
        return self.sources[0].clocksource if self.sources else ""

    @property
    def available(self) -> tuple[str, ...]:
        """Those that it could use; empty where nobody knows."""
        return next((one.available for one in self.sources if one.available), ())

    @property
    def drift(self) -> Drift | None:
        """The drift that is known best."""
        return min(self.drifts, key=lambda one: one.doubt_ppm, default=None)
