"""What samples of QEMU's threads with their kernel functions say, as points of causes."""

from collections.abc import Iterable, Iterator

from crazytrain.model.facts.stacks import CpuSamples, RunningStack
from crazytrain.model.figures import share
from crazytrain.model.finding import Point
from crazytrain.model.kernel_waits import WaitsFor, waits_for

_FROM = 0.3
_RATIO = 20.0


def sampled_points(cause: str, every: Iterable[CpuSamples]) -> Iterator[Point]:
    """That the host's kernel puts memory in order, frees it or moves it, in the time of QEMU's own threads."""
    for samples in every if cause == "memory-pressure" else ():
        found = [(stack, name) for stack in samples.stacks if (name := _memory(stack))]
        part = sum(stack.count for stack, _ in found) / samples.samples if samples.samples else 0.0
        if found and part >= _FROM:
            stack, name = found[0]
            says = f"{share(part)} of the samples are in the kernel's handling of memory ({stack.comm} in {name})"
            yield Point(says, samples.refs, _RATIO)
            return


def _memory(stack: RunningStack) -> str:
    names = (frame.split("+")[0].removesuffix(" [k]") for frame in reversed(stack.frames))
    return next((name for name in names if waits_for([name]) is WaitsFor.MEMORY), "")
