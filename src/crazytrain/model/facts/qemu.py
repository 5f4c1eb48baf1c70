"""Facts about QEMU itself: how it was started, what it says of itself, what its monitor did."""

import msgspec

from crazytrain.model.evidence import Outcome, Ref
from crazytrain.model.guest import Accelerator

MONITOR_BUSY = "another client holds the monitor"  # what a TIMED_OUT of a healthy QEMU says; no sign of a hang
OWN_TURN = "not asked: an earlier question of ours still waits for this monitor's answer"


class QemuConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What a QEMU command line says.

    ``machine`` is the type alone, ``machine_options`` its settings (``accel=kvm``). ``monitors`` read ``qmp
    unix:PATH`` or ``hmp stdio``; ``consoles`` read ``file:PATH``, ``pty,logfile=PATH``. ``chardevs``, ``nics`` and
    ``devices`` are values as given. ``clock_jumps``: the guest's clock is virtual, and leaps over what it idles
    (-icount sleep=off). ``no_reboot``: a reset ends the guest.
    """

    binary: str
    name: str = ""
    uuid: str = ""
    machine: str = ""
    machine_options: tuple[str, ...] = ()
    accelerator: Accelerator = Accelerator.UNKNOWN
    vcpus: int | None = None
    memory_bytes: int | None = None
    cpu: str = ""
    rtc: str = ""
    hpet: bool | None = None
    kvmclock: bool | None = None
    monitors: tuple[str, ...] = ()
    consoles: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    chardevs: tuple[str, ...] = ()
    nics: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    iothreads: tuple[str, ...] = ()
    displays: tuple[str, ...] = ()
    thread_names: bool | None = None
    clock_jumps: bool = False
    no_reboot: bool = False
    refs: tuple[Ref, ...] = ()


class QemuState(msgspec.Struct, frozen=True, kw_only=True):
    """What the monitor said. ``status`` is QEMU's run state (running, paused, io-error, ...), empty where it was not
    told.

    ``monitor`` is the outcome of asking at all: a monitor that never answers is a fact of its own. ``monitor_busy``: it
    did not answer because it serves one client at a time and another one is connected. ``io_errors`` are block devices
    in trouble (``drive0: nospace``), ``mono_ns`` when it was asked. ``told_by`` is ``monitor``, or ``libvirt`` for what libvirt
    knows by its own calls; ``status_reason`` is libvirt's own wording then. ``marked``: asking QEMU through libvirt has set libvirt's mark
    custom-monitor on the domain.
    """

    monitor: Outcome
    monitor_detail: str = ""
    monitor_busy: bool = False
    mono_ns: int = 0
    status: str = ""
    status_reason: str = ""
    told_by: str = "monitor"
    marked: bool = False
    version: tuple[int, int, int] | None = None
    version_text: str = ""
    kvm: bool | None = None
    vcpu_tids: tuple[int, ...] = ()
    io_errors: tuple[str, ...] = ()
    refs: tuple[Ref, ...] = ()


class QemuEra(msgspec.Struct, frozen=True, kw_only=True):
    """Which QEMU this must be, judged by how its loop works. ``before`` = older than this version."""

    before: tuple[int, int] | None
    after: tuple[int, int] | None
    why: tuple[str, ...]
    refs: tuple[Ref, ...]


class IrqCount(msgspec.Struct, frozen=True):
    """How often one line of one interrupt controller fired since QEMU started."""

    controller: str
    irq: int
    count: int


class IrqReading(msgspec.Struct, frozen=True, kw_only=True):
    """One ``info irq``. ``controllers`` are all that were named, those without a count, too."""

    mono_ns: int
    controllers: tuple[str, ...]
    counts: tuple[IrqCount, ...]
    ref: Ref


class IrqRate(msgspec.Struct, frozen=True, kw_only=True):
    """Interrupts of one line over the window (HMP ``info irq``; only emulated interrupt controllers count)."""

    irq: int
    per_s: float
    controller: str
    owner: str = ""


class InterruptRates(msgspec.Struct, frozen=True, kw_only=True):
    """All interrupt lines that fired.

    ``uncounted`` are lines that may fire without being counted (IRQ 0 where the PIT is in the host's kernel): that they
    have no rate says nothing.
    """

    window_ns: int
    rates: tuple[IrqRate, ...]
    refs: tuple[Ref, ...]
    uncounted: tuple[int, ...] = ()

    def per_s(self, irq: int) -> float:
        """The rate of one line: the highest of any controller that counts it; 0 where it did not fire."""
        return max((r.per_s for r in self.rates if r.irq == irq), default=0.0)
