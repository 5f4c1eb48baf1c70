"""A guest's clock in sentences: only what fits badly, and what comes true at its next start."""

from collections.abc import Iterator

from crazytrain.model.facts import Facts
from crazytrain.model.facts.clock_setup import ClockFit, Misfit
from crazytrain.model.report import StoryLine
from crazytrain.report.sentence import line

_SHOWN = 4
# What other sentences tell of, each with more: the kvmclock page itself, the guest's own time.
_TOLD_ELSEWHERE = frozenset({"kvmclock-moved"})
_DECIDING = frozenset({"pending"})


def clock_story(facts: Facts) -> Iterator[StoryLine]:
    """A sentence for each thing that fits badly, and for what comes true at the next start."""
    fit = facts.get(ClockFit)
    if fit is None:
        return
    for one in [misfit for misfit in fit.misfits if misfit.slug not in _TOLD_ELSEWHERE][:_SHOWN]:
        yield line(f"its clock: {one.says}; {one.why}{_remedy(one)}", one.refs)
    for remark in fit.remarks:
        if remark.slug in _DECIDING:
            yield line(f"its clock: {remark.says}", remark.refs)


def _remedy(one: Misfit) -> str:
    """The first step, where it is one of ours."""
    step = next(iter(one.steps), None)
    return f" (`{step.command}`)" if step and step.command.startswith("crazytrain clock") else ""
