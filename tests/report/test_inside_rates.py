"""Swapping, killed programs and fast timers are said, each in a line; a calm guest has none of them."""

from crazytrain.model.facts import Facts
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.inside import FoundBy, GuestKernel, InsideReading
from crazytrain.model.facts.inside_view import CpuShare, InsideView, MemoryRates
from crazytrain.report.inside_rates import rate_lines
from crazytrain.report.inside_story import inside_story

KERNEL = GuestKernel(system="Linux", banner="Linux version 6.1.0", found_by=FoundBy.PAGE_TABLE)


def view(into: float = 0.0, out: float = 0.0, kills: int = 0, timer: float | None = None) -> InsideView:
    rates = MemoryRates(swapped_in_per_s=into, swapped_out_per_s=out, major_faults_per_s=into, oom_kills=kills)
    return InsideView(window_ns=3 * 10**9, memory=rates, cpus=(CpuShare(cpu=2, timer_irqs_per_s=timer),))


def story(seen: InsideView) -> str:
    reading = InsideReading(mono_ns=1, took_ns=1, kernel=KERNEL)
    return "\n".join(one.says for one in inside_story(Facts((GuestInside(last=reading, view=seen, refs=()),))))


def test_what_is_notable_is_said_in_both_views() -> None:
    busy = view(3000.0, 2500.0, kills=2, timer=9000.0)
    shown = "\n".join(one.text for one in rate_lines(busy))
    for words in (shown, story(busy)):
        assert "3,000/s" in words
        assert "2,500/s" in words
        assert "2 programs" in words
        assert "CPU 2 took 9,000/s interrupts of its own timer" in words


def test_a_calm_guest_has_nothing_of_it() -> None:
    for calm in (view(timer=250.0), view(), InsideView(window_ns=0)):
        assert not list(rate_lines(calm))
        assert "swap" not in story(calm)
        assert "timer" not in story(calm)
