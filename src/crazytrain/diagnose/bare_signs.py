"""Signs that the causes share which ask whether an operating system runs at all."""

from crazytrain.diagnose.signs import held_words
from crazytrain.model.facts import GuestClock, KvmExits
from crazytrain.model.facts.firmware import BarePlace, BareView
from crazytrain.model.facts.resets import Resets
from crazytrain.model.figures import count, rate, share, span
from crazytrain.model.finding import Point

BARE_FROM = 0.95  # of the samples without paging: no operating system has taken over
_LONG_ENOUGH_NS = 3_000_000_000  # bpftrace may have counted enough exits in a part of the window
_LATE_NS = 3_000_000_000
_FIRMWARES = range(0xC0000, 0x100000)  # where PC firmware keeps its own data
IN_ROM_FROM = 0.8  # of the samples in the firmware; the rest may be its interrupt handlers' stubs in low memory


def bare_points(view: BareView) -> tuple[Point, ...]:
    """Whether every vCPU runs as firmware and boot loaders do, without paging."""
    least = min((v.bare_ratio for v in view.vcpus), default=0.0)
    samples = sum(v.samples for v in view.vcpus)
    if least >= BARE_FROM:
        return (Point(f"no paging in {count(samples, 'sample')}: no operating system runs", view.refs, 10),)
    if all(v.bare_ratio >= BARE_FROM or v.uefi_ratio >= BARE_FROM for v in view.vcpus) and view.vcpus:
        says = f"long mode, but below 4 GiB in {count(samples, 'sample')}, as UEFI runs: no kernel of today is there"
        return (Point(says, view.refs, 8),)
    return (Point(f"paging is on in {share(1 - least)} of the samples: an operating system runs", view.refs, 0.01),)


def waiting(view: BareView) -> tuple[BarePlace, ...]:
    """VCPUs that were halted in the firmware, able to wake."""
    return tuple(
        v
        for v in view.vcpus
        if max(v.rom_ratio, v.uefi_ratio) >= IN_ROM_FROM
        and v.halted_ratio >= IN_ROM_FROM
        and v.interrupts_off_ratio < 1 - IN_ROM_FROM
    )


def shutdowns(exits: KvmExits | None) -> int:
    """Triple faults that KVM saw in the window: told to QEMU as SHUTDOWN, or inside the kernel by the processor's name."""
    if exits is None:
        return 0
    told = sum(e.count for e in exits.userspace if e.reason == "SHUTDOWN")
    return max(told, sum(e.count for e in exits.exits if e.reason.lower() in ("triple_fault", "shutdown")))


def shutdown_point(exits: KvmExits, *, once: float, again: float) -> Point:
    """Triple faults as a point: one may be how an old system reboots, two in a few seconds are no system at all."""
    times = shutdowns(exits)
    if not times:
        says = f"no triple fault was seen in {span(exits.window_ns)}"
        long = exits.window_ns >= _LONG_ENOUGH_NS and exits.held_ratio < 0.5
        return Point(f"{says}{held_words(exits)}", exits.refs, 0.05 if long else 0.3)
    pace = f" ({rate(exits.per_s(times))})" if exits.window_ns else ""
    says = f"the vCPU shut down by a triple fault {count(times, 'time')}{pace}"
    return Point(says, exits.refs, again if times > 1 else once)


def late_clock_point(clock: GuestClock | None, bare: BareView) -> tuple[Point, ...]:
    """A page of kvmclock that firmware filled in long after the guest was made: it had started before, and was reset.

    It does so in the first moments of each start. Nothing follows where KVM itself rewrites the page now and then.
    """
    if clock is None or clock.changes or any(v.bare_ratio < BARE_FROM for v in bare.vcpus):
        return ()
    filled_ns = [page.system_time_ns for page in clock.pages if page.address in _FIRMWARES]
    late_ns = max(filled_ns, default=0)
    if not _LATE_NS <= late_ns <= clock.uptime_ns:
        return ()
    says = f"the firmware asked for its clock {span(late_ns)} after the guest was made: it is not its first start"
    return (Point(says, clock.refs, 20),)


def reset_point(resets: Resets, *, seen_before: bool = False) -> Point:
    """Resets that QEMU told of. Those that somebody outside asked for are no fault of the guest.

    One alone may be what was ``seen_before``: the end of the triple fault that KVM saw.
    """
    own = resets.by_guest + resets.untold
    if not own:
        return Point(f"the guest was reset from outside {count(resets.by_host, 'time')}", resets.refs, 0.1)
    says = f"QEMU told of {count(own, 'reset')} that the guest caused, in the moments in which it was asked"
    return Point(says, resets.refs, 200 if own > 1 else 2 if seen_before else 10)
