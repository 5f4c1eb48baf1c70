"""Collectors are run within a budget: what is too dear is not begun, what was spent is told."""

import asyncio
import json
import time
from collections.abc import Sequence

import msgspec
import pytest

from crazytrain.collect.look import Collector, Look
from crazytrain.collect.purse import Purse
from crazytrain.collect.running import run_collectors, seen_at_once, seen_one_by_one, spent
from crazytrain.decode.spent import decode_spent
from crazytrain.host import LiveHost
from crazytrain.host.door import Finished
from crazytrain.host.fake import FakeHost
from crazytrain.model.budget import Budget, default_budget
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome
from crazytrain.model.guest import Guest, ProcessId

S = 1_000_000_000
MS = 1_000_000
DONE = Finished(status=0, stdout=b"", stderr=b"", outcome=Outcome.OK, cpu_ns=300 * MS)


class Worker(FakeHost):
    """Its commands take CPU time."""

    async def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        limit_bytes: int,
        interrupt_after_s: float | None = None,
        stdin: bytes | None = None,
        enough: bytes | None = None,
    ) -> Finished:
        del timeout_s, limit_bytes, interrupt_after_s, stdin, enough
        self.ran.append(tuple(argv))
        self.used_cpu_ns += DONE.cpu_ns or 0
        return DONE


class Kept:
    """A look, and what was kept."""

    def __init__(self, host: FakeHost | LiveHost, *, cpu_ns: int = S, stall_ns: int = 0) -> None:
        self.evidence: list[Evidence] = []
        self.purse = Purse(Budget(cpu_ns=cpu_ns, stall_ns=stall_ns), host.cpu_ns)
        guest = Guest(process=ProcessId(pid=7, start_ticks=1), name="web01")
        begin = host.mono_ns()
        self.look = Look(
            host=host, guest=guest, start_ns=begin, end_ns=begin, keep=self.evidence.append, purse=self.purse
        )

    def run(self, *collectors: Collector, ceiling: Cost = Cost.STOPS) -> dict[str, Evidence]:
        bill = asyncio.run(run_collectors(self.look, collectors, ceiling))
        self.evidence.append(spent(self.look, [bill]))
        return {one.id: one for one in self.evidence}


async def commands(look: Look, number: int) -> None:
    for count in range(number):
        told = await look.host.run(("perf",), timeout_s=1, limit_bytes=1)
        look.keep(Evidence(id=f"perf.{count}", kind=Kind.TEXT, source="perf", outcome=told.outcome, detail=told.detail))


async def one_command(look: Look) -> None:
    await commands(look, 1)


async def four_commands(look: Look) -> None:
    await commands(look, 4)


async def nothing(look: Look) -> None:
    look.keep(Evidence(id="seen", kind=Kind.TEXT, source="nothing"))


async def burns(look: Look) -> None:
    end = time.thread_time_ns() + 30 * MS
    while time.thread_time_ns() < end:
        pass
    await asyncio.sleep(0)

    def elsewhere() -> None:
        end = time.thread_time_ns() + 30 * MS
        while time.thread_time_ns() < end:
            pass

    await look.host.patiently(elsewhere, 10.0)


def collector(run: object = nothing, cost: Cost = Cost.SAMPLES, cpu_ns: int = 0) -> Collector:
    assert callable(run)
    return Collector(name="perf", cost=cost, timeout_s=5.0, limit_bytes=1, run=run, cpu_ns=cpu_ns)


def test_what_the_ceiling_forbids_is_said() -> None:
    kept = Kept(Worker()).run(collector(cost=Cost.STOPS), ceiling=Cost.SAMPLES)
    assert (kept["perf.ended"].outcome, "--cost" in kept["perf.ended"].detail) == (Outcome.ABSENT, True)
    assert "seen" not in kept


def test_what_is_dearer_than_what_is_left_is_not_begun_and_says_so() -> None:
    kept = Kept(Worker(), cpu_ns=400 * MS).run(collector(one_command, cpu_ns=500 * MS))
    assert kept["perf.ended"].outcome is Outcome.ABSENT
    assert kept["perf.ended"].detail == (
        "left out to stay within the budget: 0 ns of 400 ms of CPU time are used, it takes about 500 ms (--budget-cpu)"
    )


def test_what_others_have_claimed_is_not_there_for_a_second_one() -> None:
    kept = Kept(Worker(), cpu_ns=800 * MS)
    evidence = kept.run(collector(one_command, cpu_ns=500 * MS), collector(one_command, cpu_ns=500 * MS))
    assert "500 ms are spoken for" in evidence["perf.ended"].detail
    assert evidence["perf.0"].outcome is Outcome.OK


def test_no_command_is_begun_any_more_once_all_is_used() -> None:
    host = Worker()
    kept = Kept(host, cpu_ns=700 * MS).run(collector(four_commands))
    outcomes = [kept[f"perf.{number}"].outcome for number in range(4)]
    assert outcomes == [Outcome.OK] * 3 + [Outcome.ABSENT]
    assert "900 ms of 700 ms" in kept["perf.3"].detail
    assert len(host.ran) == 3


def test_what_reads_and_is_cheap_is_never_left_out() -> None:
    kept = Kept(Worker(), cpu_ns=0).run(collector(cost=Cost.READS, cpu_ns=50 * MS))
    assert "seen" in kept
    assert "perf.ended" in Kept(Worker(), cpu_ns=0).run(collector(cost=Cost.READS, cpu_ns=600 * MS))


def test_a_reservation_ends_with_its_collector() -> None:
    kept = Kept(Worker(), cpu_ns=800 * MS)
    kept.run(collector(cpu_ns=500 * MS))
    assert kept.purse.claim_cpu(700 * MS) == ""


def test_our_own_cpu_time_is_measured_in_steps_and_threads() -> None:
    kept = Kept(LiveHost(), cpu_ns=60 * S).run(collector(burns))
    (whole,) = decode_spent(kept["cost"])
    (one,) = whole.collectors
    assert 60 * MS <= one.own_cpu_ns < 600 * MS
    assert whole.cpu_ns >= one.own_cpu_ns
    assert whole.refs == (kept["cost"].ref(),)


def test_commands_are_measured_apart() -> None:
    (whole,) = decode_spent(Kept(Worker(), cpu_ns=5 * S).run(collector(four_commands))["cost"])
    assert whole.collectors[0].commands_cpu_ns == 1200 * MS
    assert (whole.cpu_ns, whole.cpu_budget_ns) == (1200 * MS, 5 * S)


def test_a_foreign_line_is_no_cost() -> None:
    with pytest.raises(BadInput, match="not what a look writes"):
        list(decode_spent(Evidence(id="cost", kind=Kind.SPENT, source="", data=json.dumps([1]).encode())))


async def breaks(_look: Look) -> None:
    raise KeyError("defect")


async def hangs(_look: Look) -> None:
    await asyncio.sleep(60)


def test_a_defect_or_a_hang_is_evidence_and_stops_no_other() -> None:
    hanging = msgspec.structs.replace(collector(hangs), name="hanging", timeout_s=0.05)
    kept = Kept(Worker()).run(collector(breaks), hanging, collector())
    assert (kept["perf.ended"].outcome, "KeyError" in kept["perf.ended"].detail) == (Outcome.BROKE, True)
    assert kept["hanging.ended"].outcome is Outcome.TIMED_OUT
    assert "seen" in kept


def test_a_thread_is_stopped_only_as_long_as_was_claimed() -> None:
    purse = Kept(Worker(), stall_ns=250 * MS).purse
    assert purse.claim_stall([10, 11], 200 * MS) == ""
    assert purse.claim_stall([11, 12], 100 * MS) == (
        "left out to stay within the budget: a thread may be stopped for 250 ms in all, it may take 100 ms (--budget-stall)"
    )
    purse.stalled([10, 11], 200 * MS, 6 * MS)
    assert purse.claim_stall([11, 12], 100 * MS) == ""
    assert purse.longest_stall_ns == 106 * MS


def test_nothing_is_stopped_by_default() -> None:
    assert default_budget(5, Cost.SAMPLES).stall_ns == 0
    assert default_budget(5, Cost.STOPS).stall_ns == 250 * MS
    assert default_budget(10, Cost.READS).cpu_ns > default_budget(5, Cost.READS).cpu_ns
    assert default_budget(5, Cost.READS, 20).cpu_ns == 20 * default_budget(5, Cost.READS).cpu_ns


def test_one_that_sees_all_runs_once() -> None:
    all_of_them = msgspec.structs.replace(collector(), name="bpf", sees_all=True)
    assert seen_at_once((collector(), all_of_them)) == (all_of_them,)
    assert seen_one_by_one((collector(), all_of_them)) == (collector(),)
