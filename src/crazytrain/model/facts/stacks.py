"""Facts about stacks: the functions that a thread is in, while it sleeps or while it runs."""

import msgspec

from crazytrain.model.evidence import Ref
from crazytrain.model.facts.threads import ThreadRole


class StackFrame(msgspec.Struct, frozen=True, kw_only=True):
    """One function. ``offset`` is the address in the file ``module``, ``plus`` how far in ``symbol`` it is.

    ``symbol`` is empty where no table names the function. ``certain`` is false for a frame that was only found among the words
    of the stack.
    """

    module: str
    offset: int
    symbol: str = ""
    plus: int = 0
    certain: bool = True

    @property
    def name(self) -> str:
        """The function's name, or else file and offset."""
        return self.symbol or f"{self.module}+{self.offset:#x}"


class UserStack(msgspec.Struct, frozen=True, kw_only=True):
    """What one thread was in while it slept, the innermost function first; ``ended`` says why there are no more frames.

    ``switches`` is how often the thread had been on a CPU by then. ``stopped_ns``: it may have run, and was stopped for so long.
    """

    tid: int
    comm: str
    mono_ns: int
    frames: tuple[StackFrame, ...]
    ended: str = ""
    switches: int | None = None
    stopped_ns: int | None = None
    refs: tuple[Ref, ...] = ()


class UserStacks(msgspec.Struct, frozen=True, kw_only=True):
    """All threads' stacks at one instant."""

    mono_ns: int
    stacks: tuple[UserStack, ...]
    refs: tuple[Ref, ...]


class RunningStack(msgspec.Struct, frozen=True, kw_only=True):
    """A stack that was seen ``count`` times while its thread was on a CPU, the outermost function first.

    A kernel function is marked by ``[k]`` behind its name. ``ref`` is the first sample.
    """

    tid: int
    comm: str
    frames: tuple[str, ...]
    count: int
    ref: Ref | None = None


class CpuSamples(msgspec.Struct, frozen=True, kw_only=True):
    """Samples of all threads of a process while they were on a CPU. ``hz`` is how often each was asked for in its CPU time."""

    mono_ns: int
    stacks: tuple[RunningStack, ...]
    samples: int
    refs: tuple[Ref, ...]
    hz: int | None = None
    length_ns: int | None = None


class FunctionShare(msgspec.Struct, frozen=True):
    """A share of a thread's samples in which a function was on the stack (``inclusive``), and in which it was the innermost."""

    name: str
    inclusive: float
    own: float


class ThreadProfile(msgspec.Struct, frozen=True, kw_only=True):
    """Where one thread was while it ran: folded stacks, and the functions that tell most."""

    tid: int
    comm: str
    role: ThreadRole
    label: str
    samples: int
    stacks: tuple[RunningStack, ...]
    kernel_ratio: float
    functions: tuple[FunctionShare, ...] = ()


class CpuProfile(msgspec.Struct, frozen=True, kw_only=True):
    """All threads of which samples were taken, the one with most samples first."""

    threads: tuple[ThreadProfile, ...]
    samples: int
    refs: tuple[Ref, ...]
    hz: int | None = None
    length_ns: int | None = None
