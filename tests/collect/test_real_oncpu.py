"""Samples of a real guest that burns. Oracle: perf report on the same samples."""

import asyncio
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from crazytrain.collect import identity, oncpu, tasks
from crazytrain.decode.oncpu import decode_oncpu
from crazytrain.derive.profile import derive_profile
from crazytrain.derive.threads import derive_threads
from crazytrain.model.evidence import Evidence, Kind, Outcome
from crazytrain.model.facts import Facts, ThreadRole
from crazytrain.model.facts.stacks import CpuProfile, CpuSamples
from crazytrain.model.guest import Accelerator
from crazytrain.pipeline import read
from crazytrain.report.flame import collapsed
from crazytrain.report.profile_story import profile_story
from tests.collect.real import look_at, need
from tests.collect.stalls import POLLS
from tests.tiny import HALT, Tiny, boot, until

pytestmark = [pytest.mark.real, pytest.mark.timeout(240)]
SCRIPT = ("perf", "script", "--no-inline", "-F", "comm,tid,time,ip,sym,symoff,dso")


@pytest.fixture(scope="module")
def burning() -> Iterator[Tiny]:
    need("perf")
    with boot(POLLS, Accelerator.TCG, "-name", "debug-threads=on") as guest:
        yield guest


def collected(guest: Tiny, seconds: float) -> list[Evidence]:
    look, kept = look_at(guest.guest, seconds)

    async def all_of_them() -> None:
        await asyncio.gather(*(module.COLLECTOR.run(look) for module in (identity, tasks, oncpu)))

    asyncio.run(all_of_them())
    return kept


def test_a_guest_that_burns_is_seen_by_thread_and_role(burning: Tiny) -> None:
    kept = collected(burning, 2.0)
    (one,) = [e for e in kept if e.kind is Kind.ONCPU]
    assert one.outcome is Outcome.OK, one.detail
    assert one.cpu_ns
    facts = read(kept).facts
    profile = facts.get(CpuProfile)
    assert profile is not None
    top = profile.threads[0]
    assert (top.role, top.samples >= 5) == (ThreadRole.VCPU, True)
    assert profile.samples <= 99 * 2  # never more than was asked for
    assert any(line.says.startswith(f"vCPU 0 (thread {top.tid}) was seen ") for line in profile_story(facts))
    assert collapsed(profile).startswith("vCPU;vCPU 0 ")


def why_none(guest: Tiny) -> str:
    (one,) = [e for e in collected(guest, 0.8) if e.kind is Kind.ONCPU]
    return one.detail if one.outcome is Outcome.ABSENT else ""


def test_nothing_is_sampled_where_nothing_burns() -> None:
    need("perf")
    with boot(HALT) as idle:
        until(lambda: "nothing burns" in why_none(idle), "the guest has booted and halted")


def test_shares_are_those_of_perf_report(burning: Tiny, tmp_path: Path) -> None:
    data = tmp_path / "perf.data"
    recorded = ("perf", "record", "-q", "-F", "299", "-e", "cpu-clock", "--call-graph", "dwarf,8192", "-o", str(data))
    output_of(*recorded, "-p", str(burning.process), "--", "sleep", "1")
    text = output_of(*SCRIPT, "-i", str(data))
    (samples,) = [
        fact
        for fact in decode_oncpu(Evidence(id="oncpu", kind=Kind.ONCPU, source="perf", data=text))
        if isinstance(fact, CpuSamples)
    ]
    assert samples.samples >= 20
    profile = derive_profile(Facts([samples]))
    assert profile is not None
    ours = Counter[int]()
    for thread in profile.threads:
        ours[thread.tid] += thread.samples
    by_thread = reported(data, "tid", r"^ *([\d.]+)% +(\d+)")
    for tid, part in by_thread.items():
        assert 100 * ours[int(tid)] / samples.samples == pytest.approx(part, abs=5), tid
    own = Counter[str]()
    for stack in samples.stacks:
        own[stack.frames[-1].removesuffix(" [k]")] += stack.count
    by_symbol = reported(data, "sym", r"^ *([\d.]+)% +\[[.k]\] (\S+)$")
    named = {name: part for name, part in by_symbol.items() if part >= 2 and not name.startswith("0x")}
    assert named
    for name, part in named.items():
        assert 100 * own[name] / samples.samples == pytest.approx(part, abs=5), name


def output_of(*argv: str) -> bytes:
    done = subprocess.run(argv, check=False, capture_output=True)
    assert done.returncode == 0, (argv, done.stderr.decode()[-2000:])
    return done.stdout


def reported(data: Path, sort: str, pattern: str) -> dict[str, float]:
    argv = ("perf", "report", "-i", str(data), "--stdio", "--no-children", "--no-inline", "-g", "none", "-s", sort)
    text = output_of(*argv).decode()
    found: dict[str, float] = {}
    for share, name in re.findall(pattern, text, re.MULTILINE):
        found[name.partition("@")[0]] = found.get(name.partition("@")[0], 0.0) + float(share)
    return found


def test_threads_are_named_without_the_rest_of_the_look(burning: Tiny) -> None:
    assert derive_threads(Facts([])) is None
    facts = read([e for e in collected(burning, 1.0) if e.kind is Kind.ONCPU]).facts
    profile = facts.get(CpuProfile)
    assert profile is not None
    assert profile.threads[0].label
