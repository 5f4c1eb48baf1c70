"""What fits badly about a guest's clock, and why; what only looks so. Each rule asks facts, names them, and says what to do."""

from collections.abc import Callable, Iterator

from crazytrain.derive import clock_rules_course as course
from crazytrain.derive import clock_rules_setup as setup
from crazytrain.derive import clock_rules_source as source
from crazytrain.derive.clock_case import Seen, seen_of
from crazytrain.model.facts import Facts
from crazytrain.model.facts.clock_setup import ClockFit, ClockState, Misfit, Remark, Weight

RULES: tuple[Callable[[Seen], Iterator[Misfit]], ...] = (
    course.kvmclock,
    source.other_frequency,
    source.tsc_on_bad_host,
    course.drift,
    course.wall,
    source.slow,
    source.no_master_clock,
    setup.windows_clock,
    setup.windows_hpet,
    setup.windows_ticks,
    setup.catchup_with_hpet,
    setup.wrong_base,
    setup.not_as_written,
    setup.invariant_without_frequency,
)
_REMARKS: tuple[Callable[[Seen], Iterator[Remark]], ...] = (source.remarks, setup.remarks, course.remarks)
_ORDER = tuple(Weight)


def derive_clock_fit(facts: Facts) -> ClockFit | None:
    """Judge the clock that ``derive_clock_state`` has put together; ``None`` without it."""
    state = facts.get(ClockState)
    return judged(facts, state) if state else None


def judged(facts: Facts, state: ClockState, name: str = "") -> ClockFit:
    """The same for a guest of a known name. The gravest comes first."""
    seen = seen_of(facts, state, name)
    found = [misfit for rule in RULES for misfit in rule(seen)]
    return ClockFit(
        misfits=tuple(sorted(found, key=lambda one: _ORDER.index(one.weight))),
        remarks=tuple(remark for say in _REMARKS for remark in say(seen)),
        unknown=tuple(course.unknown(seen)),
    )
