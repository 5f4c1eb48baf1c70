"""What threads wait for: those that should not wait first, each with who waits for it in turn."""

from collections.abc import Iterator

from crazytrain.model.facts import Facts, ThreadRole
from crazytrain.model.facts.waits import Waiting, Waits
from crazytrain.model.report import StoryLine
from crazytrain.model.waiting import described, holds, rests
from crazytrain.report.sentence import line

MATTERS_FROM_NS = 200_000_000
_SHOWN = 8
_SHOWN_FRAMES = 10
_LOOPS = (ThreadRole.MAIN_LOOP, ThreadRole.VCPU, ThreadRole.IOTHREAD)  # that these rest for long may be the point
_STATES = {"D": "not to be interrupted", "T": "stopped", "t": "stopped by a debugger", "Z": "ended"}


def waits_story(facts: Facts) -> tuple[StoryLine, ...]:
    """Sentences about threads that wait for long; none where every thread does what it should."""
    waits = facts.get(Waits)
    return tuple(_sentences(waits)) if waits else ()


def _sentences(waits: Waits) -> Iterator[StoryLine]:
    long = [wait for wait in waits.threads if _matters(wait)]
    told = sorted(long, key=lambda wait: (rests(wait), -(wait.at_least_ns or 0)))
    for wait in [one for one in told if not rests(one) or one.role in _LOOPS][:_SHOWN]:
        yield line(_sentence(wait, waits), wait.refs)
        if wait.frames and not rests(wait):
            names = [frame.name if frame.certain else f"{frame.name}?" for frame in wait.frames[:_SHOWN_FRAMES]]
            yield line(f"    its functions, the innermost first: {', '.join(names)}", wait.refs[-1:])


def _matters(wait: Waiting) -> bool:
    return (
        (wait.at_least_ns or 0) >= MATTERS_FROM_NS
        or wait.lasts
        or (wait.picked and bool(wait.call or wait.state in _STATES))
    )


def _sentence(wait: Waiting, waits: Waits) -> str:
    state = f" (state {wait.state}, {_STATES[wait.state]})" if wait.state in _STATES else ""
    kernel = f"in the kernel's {wait.wchan}" if wait.wchan and not rests(wait) else ""
    rest = "; ".join(filter(None, (holds(waits, wait.tid), "" if wait.lock else wait.meaning, kernel)))
    return f"{described(wait)}{state}" + (f"; {rest}" if rest else "")
