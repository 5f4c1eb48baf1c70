"""How the guest's own memory fared between two readings of its kernel: pages swapped, waits for pages, programs killed."""

from crazytrain.model.facts.inside import InsideReading
from crazytrain.model.facts.inside_view import MemoryRates


def memory_rates(first: InsideReading, last: InsideReading) -> MemoryRates | None:
    """Compare the counters. ``None`` where one of the readings has none, the window no length, or a counter went back."""
    was, now, window_ns = first.memory, last.memory, last.mono_ns - first.mono_ns
    if was is None or now is None or window_ns <= 0:
        return None
    grown = (
        now.swapped_in - was.swapped_in,
        now.swapped_out - was.swapped_out,
        now.major_faults - was.major_faults,
        now.oom_kills - was.oom_kills,
    )
    if min(grown) < 0:
        return None
    into, out, faults = (one * 1e9 / window_ns for one in grown[:3])
    return MemoryRates(swapped_in_per_s=into, swapped_out_per_s=out, major_faults_per_s=faults, oom_kills=grown[3])
