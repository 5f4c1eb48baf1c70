"""What looking cost, for a report: measured, against its budget."""

from collections.abc import Iterator

from crazytrain.model.case import Case
from crazytrain.model.evidence import Cost, Outcome
from crazytrain.model.facts import Facts
from crazytrain.model.facts.spent import Spent
from crazytrain.model.figures import size, span
from crazytrain.model.report import CollectorSpentView, SpentView
from crazytrain.report.escape import plain

_SEEN = (Outcome.OK, Outcome.TRUNCATED, Outcome.TIMED_OUT, Outcome.BROKE)
_DEAREST = 4
_WORTH_NAMING_NS = 10_000_000


def spent_view(case: Case, facts: Facts) -> SpentView:
    """Give what the case's evidence took, and where it was measured, the whole."""
    evidence = case.evidence + (case.baseline.evidence if case.baseline else ())
    used = {one.cost for one in case.evidence if one.outcome in _SEEN}
    parts = SpentView(
        bytes=sum(len(one.data) for one in evidence), rungs=tuple(rung.value for rung in Cost if rung in used)
    )
    spent = facts.get(Spent)
    return parts if spent is None else _whole(spent, parts)


def _whole(spent: Spent, parts: SpentView) -> SpentView:
    return SpentView(
        cpu_ns=spent.cpu_ns,
        cpu_budget_ns=spent.cpu_budget_ns,
        longest_stall_ns=spent.longest_stall_ns,
        stall_budget_ns=spent.stall_budget_ns,
        bytes=parts.bytes,
        rungs=parts.rungs,
        guests=spent.guests,
        collectors=tuple(
            CollectorSpentView(
                name=plain(one.name),
                rung=plain(one.rung),
                own_cpu_ns=one.own_cpu_ns,
                commands_cpu_ns=one.commands_cpu_ns,
            )
            for one in spent.collectors
        ),
    )


def spent_lines(view: SpentView, *, full: bool) -> Iterator[str]:
    """Say it: the whole in one sentence; with ``full`` each collector that took CPU time, else the dearest."""
    if view.cpu_ns is None:
        return
    together = f" for {view.guests} guests together" if view.guests > 1 else ""
    used = f"{span(view.cpu_ns)} of CPU time{together} ({span(view.cpu_budget_ns or 0)} were allowed)"
    yield f"looking took {used}, {size(view.bytes)} were kept; {_stalled(view)}; rungs used: {', '.join(view.rungs)}"
    dearest = sorted(view.collectors, key=lambda one: -(one.own_cpu_ns + one.commands_cpu_ns))
    shown = [one for one in dearest if full or one.own_cpu_ns + one.commands_cpu_ns >= _WORTH_NAMING_NS]
    if shown:
        yield f"  of that: {', '.join(map(_one, shown if full else shown[:_DEAREST]))}"


def _stalled(view: SpentView) -> str:
    if not view.longest_stall_ns:
        return "no thread of QEMU was stopped"
    allowed = span(view.stall_budget_ns or 0)
    return f"no thread of QEMU was stopped for more than {span(view.longest_stall_ns)} in all ({allowed} were allowed)"


def _one(one: CollectorSpentView) -> str:
    commands = f" (commands {span(one.commands_cpu_ns)})" if one.commands_cpu_ns else ""
    return f"{one.name} {span(one.own_cpu_ns + one.commands_cpu_ns)}{commands}"
