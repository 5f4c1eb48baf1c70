"""How long exits of one kind took, and how interrupt lines were set, in pasted tables and traces, as points of causes.

The host lets a vCPU sleep about 10 ms for each split lock, inside the exit (Linux arch/x86/kernel/cpu/intel.c, split_lock_warn): no other
exception takes as long. QEMU's HPET lowers its line at each tick that the guest has masked (hw/timer/hpet.c, update_irq).
"""

from collections.abc import Iterable, Iterator

from crazytrain.model.facts import KvmExits
from crazytrain.model.facts.kvm import ExitTime, IrqLineUse
from crazytrain.model.figures import rate
from crazytrain.model.finding import Point

_EXCEPTIONS = ("EXCEPTION_NMI", "EXCEPTION")
_RESTS = ("HLT", "hlt", "MWAIT_INSTRUCTION")
_SLEEP_NS = (9_000_000, 14_000_000)
_SLEEPS_FROM, _OTHERS_TO_NS = 3, 2_000_000
_PIT_LINES = (0, 2)
_LOWERED_FROM, _LOWERED_FROM_PER_S = 3, 500.0


def exit_time_points(cause: str, every: Iterable[KvmExits]) -> Iterator[Point]:
    """At most one point of one cause from each table or trace."""
    for exits in every:
        if cause == "split-lock":
            yield from _slept(exits)
        elif cause == "pit-hpet-storm":
            yield from _only_lowered(exits)


def _slept(exits: KvmExits) -> Iterator[Point]:
    slept = next((one for one in exits.times if one.reason in _EXCEPTIONS and _is_sleep(one)), None)
    if slept is None:
        return
    others = [one.mean_ns for one in exits.times if one.reason not in (*_EXCEPTIONS, *_RESTS)]
    says = f"{slept.samples} exits for exceptions took {slept.mean_ns / 1e6:.1f} ms each in the mean"
    alone = max(others, default=0.0) <= _OTHERS_TO_NS  # a vCPU that waits for a CPU is late in all its exits
    yield Point(says + (", and the others far less" if alone and others else ""), exits.refs, 60 if alone else 8)


def _is_sleep(one: ExitTime) -> bool:
    return one.samples >= _SLEEPS_FROM and _SLEEP_NS[0] <= one.mean_ns <= _SLEEP_NS[1]


def _only_lowered(exits: KvmExits) -> Iterator[Point]:
    line = next((one for one in exits.irq_lines if one.gsi in _PIT_LINES and _is_masked_tick(one)), None)
    if line and exits.per_s(line.lowered) >= _LOWERED_FROM_PER_S:
        says = f"KVM was told {rate(exits.per_s(line.lowered))} that line {line.gsi} is low, and never that it is high"
        yield Point(says, exits.refs, 40)


def _is_masked_tick(line: IrqLineUse) -> bool:
    return line.lowered >= _LOWERED_FROM and not line.raised
