"""What an emulated vCPU asks of devices: under TCG no exit can be traced, but the functions that its thread was seen in tell.

The guest's translated code calls a helper, and that ``address_space_ldub`` and its like for an I/O port, or the memory region's own
dispatcher for a page of a device (QEMU: target/i386/tcg/misc_helper.c, accel/tcg/cputlb.c).
"""

from collections.abc import Iterable

from crazytrain.diagnose.signs import burning_vcpus, runs_os
from crazytrain.model.evidence import Ref
from crazytrain.model.facts import ThreadActivity, ThreadRole, VcpuView
from crazytrain.model.facts.stacks import CpuProfile, ThreadProfile
from crazytrain.model.figures import count, share
from crazytrain.model.finding import Point

_PORT_CALLS = frozenset(f"address_space_{way}" for way in ("ldub", "lduw", "ldl", "stb", "stw", "stl"))
_DISPATCH = frozenset(("memory_region_dispatch_read", "memory_region_dispatch_write"))
_READS = frozenset(("memory_region_dispatch_read",))
_READS_FROM = 0.05  # at 1 to 2 us each: some 25,000 a second
_OUT_OF_KVM = frozenset(("kvm_cpu_exec", "kvm_vcpu_ioctl [k]"))
_LEAST_SAMPLES = 15
_POLLS_FROM = 0.5  # of the samples of a thread that burns: it asks, and does hardly anything with the answer
_DISPATCHES_FROM = 0.05
_FEW_PLACES = 8


def port_points(profile: CpuProfile | None, threads: ThreadActivity | None, view: VcpuView | None) -> tuple[Point, ...]:
    """That a vCPU's thread spends its time in accesses to I/O ports; nothing where it does not, or nobody knows."""
    return _points(profile, threads, view, ports=True)


def memory_points(
    profile: CpuProfile | None, threads: ThreadActivity | None, view: VcpuView | None
) -> tuple[Point, ...]:
    """The same of accesses to the memory of devices."""
    return _points(profile, threads, view, ports=False)


def clock_read_points(
    profile: CpuProfile | None, threads: ThreadActivity | None, clocksource: str
) -> tuple[Point, ...]:
    """That a vCPU reads devices often, for a guest that keeps time by one: what a busy system reads so often is its clock."""
    burns = {thread.tid for thread in burning_vcpus(threads)}
    for thread in _emulated(profile.threads if profile else ()):
        part = _ratio(thread, _READS)
        if profile and thread.tid in burns and part >= _READS_FROM:
            says = f"{thread.label} was in reads of devices in {share(part)} of {count(thread.samples, 'sample')} of its thread"
            return (Point(f"{says}: {clocksource}, most likely", profile.refs, 30),)
    return ()


def _points(
    profile: CpuProfile | None, threads: ThreadActivity | None, view: VcpuView | None, *, ports: bool
) -> tuple[Point, ...]:
    burns = {thread.tid for thread in burning_vcpus(threads)}
    for thread in _emulated(profile.threads if profile else ()):
        part = _port_ratio(thread) if ports else _memory_ratio(thread)
        if profile and thread.tid in burns and part >= _POLLS_FROM:
            return (_point(thread, part, "I/O ports" if ports else "the memory of devices", view, profile.refs),)
    return ()


def _emulated(threads: Iterable[ThreadProfile]) -> Iterable[ThreadProfile]:
    return (
        t for t in threads if t.role is ThreadRole.VCPU and t.samples >= _LEAST_SAMPLES and not _ratio(t, _OUT_OF_KVM)
    )


def _point(thread: ThreadProfile, part: float, what: str, view: VcpuView | None, refs: tuple[Ref, ...]) -> Point:
    says = (
        f"{thread.label} was in accesses to {what} in {share(part)} of {count(thread.samples, 'sample')} of its thread"
    )
    few = view is not None and any(v.places <= _FEW_PLACES for v in view.vcpus)
    if few:
        return Point(f"{says}, and its code stays at a few places: a polling loop", refs, 200)
    # A system does so for moments, too, while it reads its clock or prints.
    return Point(says, refs, 60 if view is None else 4 if runs_os(view) else 20)


def _port_ratio(thread: ThreadProfile) -> float:
    """Reads of page tables go the same way, but end in RAM: none of them comes to a dispatcher."""
    return _ratio(thread, _PORT_CALLS) if _ratio(thread, _DISPATCH) >= _DISPATCHES_FROM else 0.0


def _memory_ratio(thread: ThreadProfile) -> float:
    found = (s for s in thread.stacks if not _DISPATCH.isdisjoint(s.frames) and _PORT_CALLS.isdisjoint(s.frames))
    return sum(stack.count for stack in found) / thread.samples


def _ratio(thread: ThreadProfile, names: frozenset[str]) -> float:
    return sum(stack.count for stack in thread.stacks if not names.isdisjoint(stack.frames)) / thread.samples
