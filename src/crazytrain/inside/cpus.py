"""The guest's CPUs as its kernel sees them: which are online, who is on each, how many are ready, what its time went to."""

import struct
from typing import NamedTuple

from crazytrain.inside import generations
from crazytrain.inside.attempts import Attempts
from crazytrain.inside.current import Cpus
from crazytrain.inside.kernel import Bits, Kernel
from crazytrain.inside.tasks import TaskReader
from crazytrain.model.facts.inside import CpuTimes, GuestCpu
from crazytrain.model.guest_memory import Unreadable

_MOST_READY = 1 << 22
_LONGEST_NS = 1 << 62
_MOST_COUNTERS = 64


def read_cpus(kernel: Kernel, monotonic_ns: int | None, attempts: Attempts) -> tuple[GuestCpu, ...]:
    """Read every online CPU; what is missing of some is noted. Raises ``Unreadable`` where not even their number is known.

    ``monotonic_ns`` is the guest's clock as of its last tick: a CPU that is idle just now has been so up to then.
    """
    cpus = Cpus(kernel)
    reader = attempts.get("current tasks", TaskReader, kernel)
    ready = attempts.get("ready tasks", _ready_place, kernel)
    times = attempts.get("times of CPUs", CpuClock, kernel, cpus, monotonic_ns)
    timer = attempts.get("timer interrupts", _timer_place, kernel)
    found = []
    for cpu in cpus.online():
        row = attempts.get("current tasks", reader.row, _current(cpus, cpu)) if reader else None
        count = attempts.get("ready tasks", kernel.space.u32, cpus.place(ready, cpu)) if ready else None
        found.append(
            GuestCpu(
                cpu=cpu,
                pid=row.pid if row else None,
                comm=row.name if row else "",
                idle=row is not None and not row.pid,
                ready=count if count is not None and count <= _MOST_READY else None,
                times=attempts.get("times of CPUs", times.read, cpu) if times else None,
                timer_irqs=attempts.get("timer interrupts", kernel.space.u32, cpus.place(timer, cpu))
                if timer
                else None,
            )
        )
    return tuple(found)


def _current(cpus: Cpus, cpu: int) -> int:
    try:
        return cpus.current(cpu)
    except Unreadable:
        return 0  # which is no task, and noted so


def _ready_place(kernel: Kernel) -> int:
    return kernel.symbols["runqueues"] + kernel.layout.field("rq", "nr_running").offset


def _timer_place(kernel: Kernel) -> int:
    """Where a CPU counts the interrupts of its local APIC's timer."""
    return kernel.symbols["irq_stat"] + kernel.layout.field("irq_cpustat_t", "apic_timer_irqs").offset


class _Idling(NamedTuple):
    """Where a CPU keeps whether it is idle, since when, and for how long it was before."""

    base: int
    active: Bits
    entry: int
    idle: int | None
    iowait: int | None


class CpuClock:
    """What the time of a CPU went to (``kernel_cpustat``), with the idle time that is counted elsewhere where the tick stops."""

    def __init__(self, kernel: Kernel, cpus: Cpus, monotonic_ns: int | None) -> None:
        self._space, self._cpus, self._now = kernel.space, cpus, monotonic_ns
        self._place = kernel.symbols["kernel_cpustat"] + kernel.layout.field("kernel_cpustat", "cpustat").offset
        self._order = {name: _number(kernel, *way) for name, way in generations.CPU_USAGE.items()}
        self._counters = struct.Struct(f"<{max(self._order.values()) + 1}Q")
        self._idling = _idling(kernel)
        self._waiting = _waiting(kernel)

    def read(self, cpu: int) -> CpuTimes:
        """Read one CPU's times. Raises ``Unreadable``."""
        counters = self._counters.unpack(self._space.read(self._cpus.place(self._place, cpu), self._counters.size))
        times = {name: counters[number] for name, number in self._order.items()}
        if self._idling:
            self._add_idle(times, self._idling, cpu)
        if any(value > _LONGEST_NS for value in times.values()):
            raise Unreadable("a CPU's times are not believed")
        return CpuTimes(**times)

    def _add_idle(self, times: dict[str, int], way: _Idling, cpu: int) -> None:
        base = self._cpus.place(way.base, cpu)
        if way.idle is not None and way.iowait is not None:
            slept = self._space.u64(base + way.idle)
            if slept:  # else the tick never stops here
                times.update(idle=slept, iowait=self._space.u64(base + way.iowait))
        if self._now is not None and _bits(self._space.read(base + way.active.offset, way.active.size), way.active):
            since = self._now - self._space.u64(base + way.entry)
            if 0 < since < _LONGEST_NS:
                times["iowait" if self._is_waiting(cpu) else "idle"] += since

    def _is_waiting(self, cpu: int) -> bool:
        return self._waiting is not None and self._space.u32(self._cpus.place(self._waiting, cpu)) > 0


def _bits(data: bytes, bits: Bits) -> int:
    return int.from_bytes(data, "little") >> bits.shift & ((1 << bits.width) - 1)


def _number(kernel: Kernel, name: str, otherwise: int) -> int:
    try:
        number = kernel.layout.value("cpu_usage_stat", name)
    except Unreadable:
        return otherwise
    if not 0 <= number < _MOST_COUNTERS:
        raise Unreadable("the kernel's type information tells nonsense of cpu_usage_stat")
    return number


def _waiting(kernel: Kernel) -> int | None:
    try:
        return kernel.symbols["runqueues"] + kernel.layout.field("rq", "nr_iowait").offset
    except Unreadable:
        return None


def _idling(kernel: Kernel) -> _Idling | None:
    """Where this kernel counts idle time; ``None`` where that is in ``kernel_cpustat`` alone."""
    for way in generations.IDLING:
        try:
            return _one_idling(kernel, way)
        except Unreadable:
            continue
    return None


def _one_idling(kernel: Kernel, way: generations.Idling) -> _Idling:
    layout = kernel.layout
    active = layout.bits(way.struct, way.active)
    if way.bit:
        active = active._replace(shift=way.bit, width=1)
    return _Idling(
        base=kernel.symbols[way.symbol],
        active=active,
        entry=layout.field(way.struct, "idle_entrytime").offset,
        idle=layout.field(way.struct, way.idle).offset if way.idle else None,
        iowait=layout.field(way.struct, way.iowait).offset if way.iowait else None,
    )
