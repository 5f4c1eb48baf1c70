"""One target under atheris, in a process of its own: libFuzzer never gives control back."""

import os
import random
import resource
import time
from pathlib import Path

import atheris
import msgspec

from tests.fuzzing.decoders.counts import Counts
from tests.fuzzing.decoders.drawing import drawer
from tests.fuzzing.decoders.finding import Findings
from tests.fuzzing.decoders.judge import judge
from tests.fuzzing.decoders.mutations import changed
from tests.fuzzing.decoders.targets import Target, is_declared

HANG_S = 60  # of CPU time: the machine may be loaded
STANDSTILL_S = 1800  # by the clock
SLOW_S = 2.0  # of CPU time, for at most 32 KiB
RSS_LIMIT_MIB = 1024
LONGEST_INPUT = 32 * 1024
_BY_FORM = 0.7  # of the changes; the others are libFuzzer's own


class Plan(msgspec.Struct, frozen=True):
    """How one target is fuzzed. ``seconds`` are of CPU time; ``folder`` is the target's own; findings go to ``findings``."""

    folder: Path
    findings: Path
    seconds: float
    most: int
    seed: int


class _Fuzz:
    def __init__(self, target: Target, plan: Plan, counts: Counts) -> None:
        self._target = target
        self._plan = plan
        self._counts = counts
        self._findings = Findings(plan.findings, target.name)
        self._began_s = time.process_time()
        self._draw = drawer(target)

    def one_input(self, data: bytes) -> None:
        """What libFuzzer calls."""
        self._counts.feed(data)
        took_s = self._feed(data)
        if took_s > SLOW_S and (took_s := self._feed(data)) > SLOW_S:
            self._found(new=self._findings.keep_slow(data, f"{took_s:.1f} s of CPU time for {len(data)} bytes"))
        counts, ran_s = self._counts, time.process_time() - self._began_s
        counts.add("executions", 1)
        counts.most("slowest_us", int(took_s * 1e6))
        counts.most("ran_ms", int(ran_s * 1e3))
        if ran_s > self._plan.seconds or counts.get("executions") >= self._plan.most:
            counts.most("largest_rss_kib", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
            os._exit(0)  # libFuzzer knows whole seconds only

    def _feed(self, data: bytes) -> float:
        """CPU time that it took, in s."""
        began_s = time.thread_time()
        try:
            judge(self._target.feed(data), len(data))
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is raised is what we look for
            if not is_declared(error):
                self._found(new=self._findings.keep_error(data, error))
        return time.thread_time() - began_s

    def _found(self, *, new: bool) -> None:
        self._counts.add("findings", int(new))

    def change(self, data: bytes, most: int, seed: int) -> bytes:
        """What libFuzzer asks for another input."""
        rolls = random.Random(seed)
        if rolls.random() > _BY_FORM:
            return bytes(atheris.Mutate(data, most))
        head, text = data[: self._target.prefix], data[self._target.prefix :]
        if head and rolls.random() < 0.1:
            head = rolls.randbytes(len(head))
        return (head + changed(text, rolls, self._draw, most))[:most]


def fuzz(target: Target, plan: Plan, counts: Counts) -> None:
    """Fuzz from the seeds in the target's folder until the time is over; does not come back."""
    corpus, seeds = plan.folder / "corpus", plan.folder / "seeds"
    corpus.mkdir(exist_ok=True)
    fuzzing = _Fuzz(target, plan, counts)
    atheris.Setup(
        [target.name, *_options(plan), str(corpus), str(seeds)], fuzzing.one_input, custom_mutator=fuzzing.change
    )
    atheris.Fuzz()


def _options(plan: Plan) -> tuple[str, ...]:
    return (
        f"-seed={plan.seed}",
        f"-timeout={STANDSTILL_S}",
        f"-rss_limit_mb={RSS_LIMIT_MIB}",
        f"-max_len={LONGEST_INPUT}",
        f"-artifact_prefix={plan.findings}/{plan.folder.name}-",
        "-use_value_profile=0",
        "-print_funcs=0",
    )
