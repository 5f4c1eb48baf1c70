"""Where threads were when they were stopped once, on request."""

from collections.abc import Iterator

from crazytrain.model.facts import Facts
from crazytrain.model.facts.stacks import UserStack, UserStacks
from crazytrain.model.figures import span
from crazytrain.model.report import StoryLine
from crazytrain.report.sentence import line

_SHOWN, _SHOWN_FRAMES = 8, 12


def stop_story(facts: Facts) -> Iterator[StoryLine]:
    """A sentence for each thread that was stopped; none where nobody asked for that."""
    stopped = [stack for seen in facts.all(UserStacks) for stack in seen.stacks if stack.stopped_ns is not None]
    for stack in stopped[:_SHOWN]:
        yield line(_sentence(stack), stack.refs)


def _sentence(stack: UserStack) -> str:
    names = [frame.name if frame.certain else f"{frame.name}?" for frame in stack.frames[:_SHOWN_FRAMES]]
    where = f"it was in {', '.join(names)}" if names else f"where it was is not known: {stack.ended}"
    return f"{stack.comm} (thread {stack.tid}) was stopped once, for {span(stack.stopped_ns or 0)} at most; {where}"
