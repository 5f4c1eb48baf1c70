"""What is said of the guest's rates where they are notable: swapping, programs killed for want of memory, its own timers."""

from collections.abc import Iterator

from crazytrain.model.facts.inside_view import InsideView, MemoryRates
from crazytrain.model.figures import count, rate
from crazytrain.report.text import Line

NOTABLE_TIMER_PER_S = 1100.0  # more than a tick of HZ=1000
_MOST_CPUS = 4


def rate_lines(view: InsideView) -> Iterator[Line]:
    """One line for each that is notable; nothing where all is calm or was not read."""
    if view.memory:
        yield from _memory(view.memory)
    for cpu in [one for one in view.cpus if (one.timer_irqs_per_s or 0.0) >= NOTABLE_TIMER_PER_S][:_MOST_CPUS]:
        yield Line(
            f"  timer      CPU {cpu.cpu} took {rate(cpu.timer_irqs_per_s or 0.0)} interrupts of its own timer", "bad"
        )


def _memory(rates: MemoryRates) -> Iterator[Line]:
    if rates.swapped_in_per_s or rates.swapped_out_per_s:
        into, out = rate(rates.swapped_in_per_s), rate(rates.swapped_out_per_s)
        yield Line(f"  swap       {into} pages read from it, {out} written to it", "bad")
    if rates.oom_kills:
        yield Line(f"  memory     {count(rates.oom_kills, 'program')} killed meanwhile, for want of it", "bad")
