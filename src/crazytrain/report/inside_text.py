"""A guest from inside, as text: first what one instant tells, then what the window adds."""

from collections.abc import Iterator

import msgspec

from crazytrain.model.facts.inside import InsideReading, Missing
from crazytrain.model.facts.inside_view import InsideView
from crazytrain.model.figures import count, span
from crazytrain.model.inside_report import InsideReport
from crazytrain.report.inside_cells import titled
from crazytrain.report.inside_rates import rate_lines
from crazytrain.report.inside_time import clock_lines, kernel_lines, kvmclock_lines, pace_lines
from crazytrain.report.inside_trouble import (
    lock_lines,
    log_lines,
    missing_lines,
    outside_lines,
    record_lines,
    stuck_lines,
)
from crazytrain.report.inside_work import (
    MOST_FUNCTIONS,
    MOST_TASKS,
    all_task_lines,
    cpu_lines,
    function_lines,
    now_lines,
    stack_lines,
    task_lines,
)
from crazytrain.report.text import Line, who, wrapped


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be shown beyond the one screen: every task, stacks, so many records of the log (``None``: none, 0: all)."""

    tasks: bool = False
    stacks: bool = False
    records: int | None = None


def first_lines(report: InsideReport, *, width: int) -> tuple[Line, ...]:
    """The first answer: which kernel, since when, what runs now."""
    return _wrapped(_first(report), width)


def window_lines(report: InsideReport, wanted: Wanted, *, width: int) -> tuple[Line, ...]:
    """What is known once the window is over."""
    return _wrapped(_window(report, wanted), width)


def screen_lines(report: InsideReport, *, width: int, height: int) -> tuple[Line, ...]:
    """Both together, no longer than a screen: for a view that is drawn again and again."""
    newest, view = report.newest, report.view
    lines = [Line(f"{who(report.guest)} · {report.at[11:19]} UTC, q ends", "title"), *_about(report)]
    if newest and view:
        lines += [*pace_lines(view), *rate_lines(view), *titled("CPUs", cpu_lines(newest, view))]
        left = max(3, height - len(lines) - 12)
        lines += titled("Tasks", task_lines(view, max(3, left // 2)))
        lines += titled(_hot(view), function_lines(view, max(3, left // 2)))
        lines += [*_trouble(view, Wanted())]
    lines += [*titled("vCPUs, by their registers", outside_lines(report.outside)), *_unread(report)]
    return tuple(Line(_cut(one.text, width), one.style) for one in lines[: max(height, 5)])


def plain_inside(report: InsideReport, wanted: Wanted, width: int = 110) -> str:
    """The whole view as plain text."""
    lines = (*first_lines(report, width=width), *window_lines(report, wanted, width=width))
    return "\n".join(one.text for one in lines) + "\n"


def _wrapped(lines: Iterator[Line], width: int) -> tuple[Line, ...]:
    return tuple(part for one in lines for part in wrapped(one, width))


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _first(report: InsideReport) -> Iterator[Line]:
    yield Line(who(report.guest), "title")
    yield from _about(report)
    if report.first:
        yield from now_lines(report.first)


def _about(report: InsideReport) -> Iterator[Line]:
    newest = report.newest
    if newest is None:
        yield Line("  Its kernel's memory was not read.", "bad")
        return
    yield from kernel_lines(newest.kernel)
    if newest.panicked:
        yield Line("  The guest's kernel has PANICKED.", "bad")
    if report.view:
        yield from clock_lines(newest, report.view)


def _window(report: InsideReport, wanted: Wanted) -> Iterator[Line]:
    view, newest = report.view, report.newest
    if view and newest:
        yield from _work(report, view, newest, wanted)
        yield from _trouble(view, wanted)
    if report.log and wanted.records is not None:
        yield from titled("The guest's kernel log", record_lines(report.log, wanted.records))
    yield from titled("vCPUs, by their registers", outside_lines(report.outside))
    if not report.last:
        yield from kvmclock_lines(report.kvmclock)
    yield from _unread(report)
    yield from _cost(report)


def _work(report: InsideReport, view: InsideView, newest: InsideReading, wanted: Wanted) -> Iterator[Line]:
    if report.last:
        yield from pace_lines(view)
        yield from rate_lines(view)
        yield from kvmclock_lines(report.kvmclock)
        yield from titled(f"CPUs, over {span(view.window_ns)}", cpu_lines(newest, view))
        yield from titled(f"Tasks, over {span(view.window_ns)}", task_lines(view, MOST_TASKS))
        yield from titled(_hot(view), function_lines(view, MOST_FUNCTIONS))
    if wanted.stacks:
        yield from titled("Stacks", stack_lines(view))
    if wanted.tasks:
        yield from titled("All tasks", all_task_lines(newest, stacks=wanted.stacks))


def _hot(view: InsideView) -> str:
    return f"Where its vCPUs were ({count(view.samples, 'look')} at their registers)"


def _trouble(view: InsideView, wanted: Wanted) -> Iterator[Line]:
    title = "Tasks in D state: they wait, and cannot be interrupted"
    yield from titled(title, stuck_lines(view, stacks=wanted.stacks))
    yield from titled("Locks", lock_lines(view))
    yield from titled("In its kernel log", log_lines(view))


def _unread(report: InsideReport) -> Iterator[Line]:
    parts: list[Missing] = list(report.missing)
    for one in (report.newest, report.view, report.profile, report.log):
        parts += one.missing if one else ()
    yield from titled("Not read", missing_lines(parts))


def _cost(report: InsideReport) -> Iterator[Line]:
    looks = []
    if report.profile:
        looks = [count(report.profile.task_samples, "look") + " at its run queues"]
        looks.append(count(report.profile.samples, "look") + " at registers")
    paused = report.profile.paused_ns if report.profile else 0
    stood = f"it was paused for {span(paused)} in all" if paused else "it was never paused"
    both = "; ".join((", ".join(looks), stood) if looks else (stood,))
    yield Line("")
    yield Line(f"{both}; looking took us {span(report.took_ns)} and {span(report.cpu_ns)} of CPU", "dim")
