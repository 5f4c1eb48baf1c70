"""Stacks and samples of real guests, against what the guests say of themselves."""

import asyncio
import os
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from itertools import dropwhile
from pathlib import Path

import pytest

from crazytrain import lab
from crazytrain.collect.inside_sampling import Wish, sample_registers
from crazytrain.collect.look import Look
from crazytrain.host import LiveHost
from crazytrain.inside.sampling import Sampler
from crazytrain.inside.stacks import sleeping_stack
from crazytrain.inside.tasks import read_tasks
from crazytrain.inside.user_places import UserPlaces
from crazytrain.lab.guests.seventy_thirty import CLEARS, SHARES
from crazytrain.model.facts.inside import InsideProfile, Mode
from crazytrain.model.guest_memory import Unreadable
from tests.inside.opened import Opened, opened
from tests.inside.truth import KERNELS, Truth, ask, start_guest
from tests.lab.conftest import silent
from tests.support import skip_real

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

_POINTS = 5


def _cache() -> Path:
    base = os.environ.get("CRAZYTRAIN_CACHE")
    return Path(base) if base else Path.home() / ".cache" / "crazytrain" / "lab"


@pytest.fixture(scope="module")
def state_dir() -> Iterator[Path]:
    if os.geteuid() != 0:
        skip_real("not root: another process's memory is out of reach")
    with tempfile.TemporaryDirectory(prefix="ct-stk-") as name:
        yield Path(name)
        lab.stop_all(state_dir=Path(name), tell=silent)


@pytest.fixture(scope="module", params=KERNELS)
def truth(request: pytest.FixtureRequest, state_dir: Path) -> Iterator[tuple[Truth, Opened]]:
    running = start_guest("truth", state_dir, _cache(), request.param)
    with ask(running) as truth, opened(running) as seen:
        yield truth, seen
    lab.stop(running.name, state_dir=state_dir, tell=silent)


Seen = dict[int, tuple[int | None, list[str]]]


def _ours(seen: Opened) -> Seen:
    """How often each sleeping task left a CPU, and its stack as /proc/PID/stack prints it: without the scheduler."""
    first, end = seen.kernel.symbols["__sched_text_start"], seen.kernel.symbols["__sched_text_end"]
    tasks = read_tasks(seen.kernel, 1000)
    found = {}
    for task, address in zip(tasks.tasks, tasks.addresses, strict=True):
        frames, whole = sleeping_stack(seen.kernel, task, address)
        if whole:
            outside = dropwhile(lambda frame: first <= frame.address < end, frames)
            found[task.pid] = task.switches, [f"{frame.name}+{frame.offset:#x}" for frame in outside]
    return found


def _told(truth: Truth) -> dict[int, list[str]]:
    said = truth.run("for d in /proc/[0-9]*; do echo @${d#/proc/}; cat $d/stack 2>/dev/null; done; true", limit_s=200)
    by_task = (part.partition("\n") for part in said.split("@")[1:])
    return {int(pid): re.findall(r"^\[<0>\] (\S+?)/", stack, re.MULTILINE) for pid, _, stack in by_task}


def test_every_sleeping_stack_is_that_which_the_guest_prints(truth: tuple[Truth, Opened]) -> None:
    guest, seen = truth
    before, told, after = _ours(seen), _told(guest), _ours(seen)
    slept_on = [pid for pid in before if pid in told and before[pid] == after.get(pid)]
    assert len(slept_on) > 20
    assert {pid: before[pid][1] for pid in slept_on} == {pid: told[pid] for pid in slept_on}


def test_places_in_programs_are_those_of_their_maps(truth: tuple[Truth, Opened]) -> None:
    guest, seen = truth
    tasks = read_tasks(seen.kernel, 1000)
    places = UserPlaces(seen.kernel)
    checked = 0
    for pid in (1, *guest.pids("sleep")[:1]):
        (address,) = [at for task, at in zip(tasks.tasks, tasks.addresses, strict=True) if task.pid == pid]
        for one in guest.maps(pid):
            if not one.path.startswith("["):
                frame = places.frame(address, one.start + 5)
                assert (frame.name, frame.offset) == (one.path, one.offset + 5 if one.path else 0)
                checked += 1
        with pytest.raises(Unreadable):
            places.frame(address, 0x10)
    assert checked >= 4


async def _sampled(seen: Opened, seconds: float, pause_s: float) -> InsideProfile:
    host = LiveHost()
    sampler = Sampler(seen.kernel, lambda: (time.monotonic_ns(), time.time_ns()))

    async def spot(text: str, mono_ns: int, stopped: bool) -> None:
        sampler.spot(text, mono_ns, stopped)

    async def looks(end_ns: int) -> None:
        while host.mono_ns() < end_ns:
            sampler.look()
            await asyncio.sleep(random.uniform(0.001, 0.003))

    now = host.mono_ns()
    end_ns = now + int(seconds * 1e9)
    look = Look(host=host, guest=seen.guest, start_ns=now, end_ns=end_ns, keep=lambda _: None)
    done, _ = await asyncio.gather(
        sample_registers(look, spot, Wish(per_s=100, may_pause_ns=int(pause_s * 1e9))), looks(end_ns)
    )
    assert done.missing == ()
    return sampler.profile(host.mono_ns(), done.paused_ns)


def _shares(console: Path) -> tuple[int, int]:
    found = re.findall(SHARES, console.read_text(errors="replace"))
    return int(found[-1][0]), int(found[-1][1])


def test_a_program_of_70_and_30_is_seen_as_that(state_dir: Path) -> None:
    running = start_guest("seventy-thirty", state_dir, _cache())
    with opened(running) as seen:
        before = _shares(running.folder / "console.log")
        profile = asyncio.run(_sampled(seen, 20, 0.5))  # 1,000 looks: 5 points are more than three standard deviations
        after = _shares(running.folder / "console.log")
    lab.stop(running.name, state_dir=state_dir, tell=silent)
    first, second = after[0] - before[0], after[1] - before[1]
    told = 100 * first / (first + second)
    counted: Counter[bool] = Counter()
    for stack in profile.stacks:
        if stack.mode is Mode.KERNEL and stack.comm == "seventy-thirty":
            clears = any(frame.name in CLEARS for frame in stack.frames)
            counted[clears] += stack.count
    assert profile.samples > 200
    assert 0 < profile.paused_ns < 600_000_000
    assert abs(100 * counted[True] / counted.total() - told) < _POINTS
    (busiest, *_) = profile.who
    assert busiest.comm == "seventy-thirty"
    assert busiest.count > 0.9 * profile.task_samples
    whole = [
        stack
        for stack in profile.stacks
        if stack.whole and stack.mode is Mode.KERNEL and stack.comm == "seventy-thirty"
    ]
    assert any(stack.frames[-1].name == "entry_SYSCALL_64_after_hwframe" for stack in whole)
