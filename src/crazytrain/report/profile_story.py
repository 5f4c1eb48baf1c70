"""Where the time of threads goes that burn: by how their stacks part."""

from collections import Counter
from collections.abc import Iterator

from crazytrain.model.facts import Facts
from crazytrain.model.facts.stacks import CpuProfile, ThreadProfile
from crazytrain.model.figures import count, share
from crazytrain.model.report import StoryLine
from crazytrain.report.sentence import line

_SHOWN = 4
_FEWEST = 10  # samples: fewer are no shares
_GOES_ON_FROM = 0.75  # of the samples under a function: they have not parted yet
_WORTH_TELLING = 0.08


def profile_story(facts: Facts) -> tuple[StoryLine, ...]:
    """A sentence for each thread that was seen often enough while it ran."""
    profile = facts.get(CpuProfile)
    return tuple(_sentences(profile)) if profile else ()


def _sentences(profile: CpuProfile) -> Iterator[StoryLine]:
    for thread in [one for one in profile.threads if one.samples >= _FEWEST and one.stacks][:_SHOWN]:
        refs = tuple(stack.ref for stack in thread.stacks[:1] if stack.ref)
        yield line(_sentence(thread), refs or profile.refs)


def _sentence(thread: ThreadProfile) -> str:
    path, parts = where_it_parts(thread)
    kernel = f"{share(thread.kernel_ratio)} of them in the kernel" if thread.kernel_ratio else "none in the kernel"
    seen = f"{thread.label} (thread {thread.tid}) was seen {count(thread.samples, 'time')} while it ran, {kernel}"
    under = f" under {' > '.join(path[-3:])}" if path else ""
    told = ", ".join(f"{share(part)} in {name}" for name, part in parts)
    return f"{seen}: {told}{under}" if told else f"{seen}: always{under}"


def where_it_parts(thread: ThreadProfile) -> tuple[tuple[str, ...], tuple[tuple[str, float], ...]]:
    """The functions in which nearly all samples are, from the outermost on, and into which ones they go from there."""
    path: list[str] = []
    while True:
        depth = len(path)
        below = Counter[str]()
        for stack in thread.stacks:
            if list(stack.frames[:depth]) == path and len(stack.frames) > depth:
                below[stack.frames[depth]] += stack.count
        top = below.most_common(1)
        if top and top[0][1] >= _GOES_ON_FROM * thread.samples:
            path.append(top[0][0])
            continue
        told = [(name, number / thread.samples) for name, number in below.most_common(4)]
        return tuple(path), tuple((name, part) for name, part in told if part >= _WORTH_TELLING)
