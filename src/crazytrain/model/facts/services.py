"""Facts about what QEMU does beside running the guest: migration, balloon, screens, character devices, clocks, events."""

import msgspec

from crazytrain.model.evidence import Ref


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """``query-migrate`` (or libvirt's ``domjobinfo``): empty ``status`` where there never was one.

    ``operation`` is libvirt's word for what it is good for (Outgoing migration, Save, Dump).
    ``dirty_pages_per_s`` is how fast the guest writes to memory, ``bits_per_s`` how fast it is sent.
    """

    mono_ns: int
    status: str
    operation: str = ""
    remaining_bytes: int | None = None
    total_bytes: int | None = None
    transferred_bytes: int | None = None
    dirty_pages_per_s: int | None = None
    bits_per_s: float | None = None
    error: str = ""
    refs: tuple[Ref, ...] = ()


class Balloon(msgspec.Struct, frozen=True, kw_only=True):
    """How much memory the guest has: what the balloon left it at this moment."""

    mono_ns: int
    actual_bytes: int
    refs: tuple[Ref, ...]


class BalloonUse(msgspec.Struct, frozen=True, kw_only=True):
    """What the balloon did over the window: ``grown_bytes`` is what the guest was given back (negative: taken)."""

    window_ns: int
    actual_bytes: int
    grown_bytes: int
    refs: tuple[Ref, ...]


class Display(msgspec.Struct, frozen=True, kw_only=True):
    """One remote screen: ``kind`` is VNC or SPICE, ``clients`` those connected."""

    kind: str
    clients: int


class Displays(msgspec.Struct, frozen=True, kw_only=True):
    """All remote screens at one instant. ``asked`` are the kinds that were answered: SPICE may not be compiled in."""

    mono_ns: int
    displays: tuple[Display, ...]
    asked: tuple[str, ...]
    refs: tuple[Ref, ...]

    @property
    def clients(self) -> int:
        """All clients."""
        return sum(display.clients for display in self.displays)


class ChardevState(msgspec.Struct, frozen=True, kw_only=True):
    """One character device: what is behind it, and whether the guest's side has it open."""

    label: str
    filename: str
    open: bool


class Chardevs(msgspec.Struct, frozen=True, kw_only=True):
    """All character devices."""

    chardevs: tuple[ChardevState, ...]
    refs: tuple[Ref, ...]


class IothreadSetting(msgspec.Struct, frozen=True, kw_only=True):
    """One iothread: its name, thread, and for how long it polls before it sleeps (0: it does not)."""

    id: str
    tid: int | None = None
    poll_max_ns: int | None = None


class Iothreads(msgspec.Struct, frozen=True, kw_only=True):
    """All iothreads; none is a fact, too."""

    iothreads: tuple[IothreadSetting, ...]
    refs: tuple[Ref, ...]


class RtcReading(msgspec.Struct, frozen=True, kw_only=True):
    """The guest's real-time clock against the host's: ``ahead_s`` is RTC minus host, good to about a second.

    A whole number of hours is a time zone (``-rtc base=localtime``), no fault.
    """

    mono_ns: int
    ahead_s: float
    ref: Ref


class QemuEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that QEMU said unasked while we were connected. ``wall_ns`` is QEMU's own time of it."""

    name: str
    wall_ns: int
    says: str
    ref: Ref


class NetBackend(msgspec.Struct, frozen=True, kw_only=True):
    """A network card and what is behind it (HMP ``info network``): ``kind`` is tap, user, vhost-user, ..."""

    name: str
    kind: str
    peer: str = ""
    vhost: bool = False


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """All backends."""

    backends: tuple[NetBackend, ...]
    refs: tuple[Ref, ...]
