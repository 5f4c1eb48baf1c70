"""Runs collectors side by side: each within its timeout, what it costs measured, what is too dear left out."""

import asyncio
import sys
import traceback
from collections.abc import Iterable, Sequence

import msgspec

from crazytrain.collect.look import Collector, Look
from crazytrain.collect.purse import Purse
from crazytrain.host.door import outcome_of
from crazytrain.host.metered import Counted, Tally, metered
from crazytrain.model.budget import Budget
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome
from crazytrain.model.facts.spent import CollectorSpent, Spent

SPENT_ID = "cost"
_DEAR_NS = 100_000_000


class Bill(msgspec.Struct):
    """What each collector of one look cost."""

    items: list[CollectorSpent]


def seen_at_once(collectors: Sequence[Collector]) -> tuple[Collector, ...]:
    """Those that see several guests at the price of one: they run once, on the first look."""
    return tuple(collector for collector in collectors if collector.sees_all)


def seen_one_by_one(collectors: Sequence[Collector]) -> tuple[Collector, ...]:
    """Those that run for each guest."""
    return tuple(collector for collector in collectors if not collector.sees_all)


async def run_collectors(look: Look, collectors: Sequence[Collector], ceiling: Cost) -> Bill:
    """Run all that the ceiling and the purse allow; those left out are evidence that says so.

    Nothing that a collector does escapes: what is expected is an outcome, a defect is kept as evidence of its own.
    """
    bill, purse = Bill([]), look.purse or _bottomless(look)
    look = msgspec.structs.replace(look, ceiling=ceiling)
    allowed = list(_allowed(look, collectors, ceiling, purse))
    await asyncio.gather(*(_charged(collector, look, purse, bill) for collector in allowed))
    return bill


def _bottomless(look: Look) -> Purse:
    return Purse(Budget(cpu_ns=sys.maxsize, stall_ns=sys.maxsize), look.host.cpu_ns)


def _allowed(look: Look, collectors: Sequence[Collector], ceiling: Cost, purse: Purse) -> Iterable[Collector]:
    """Those that may run; what reads and is cheap is never left out, for without it there is no answer at all."""
    for collector in collectors:
        if not ceiling.allows(collector.cost):
            why = f"not asked for: it {collector.cost.value}, the ceiling is {ceiling.value} (--cost)"
        elif not _dear(collector):
            why = ""
        else:
            why = purse.claim_cpu(collector.cpu_ns)
        if why:
            look.keep(_ended(collector, look, look.host.mono_ns(), Outcome.ABSENT, why))
        else:
            yield collector


def _dear(collector: Collector) -> bool:
    return collector.cost is not Cost.READS or collector.cpu_ns >= _DEAR_NS


async def _charged(collector: Collector, look: Look, purse: Purse, bill: Bill) -> None:
    tally, begin_ns = Tally(), look.host.mono_ns()
    host = metered(look.host, tally, purse.cpu_refusal)
    try:
        await Counted(_guarded(collector, msgspec.structs.replace(look, host=host)), tally)
    finally:
        if _dear(collector):
            purse.release_cpu(collector.cpu_ns)
        bill.items.append(
            CollectorSpent(
                name=f"{collector.name} (sibling)" if look.light else collector.name,
                rung=collector.cost.value,
                own_cpu_ns=tally.own_ns,
                commands_cpu_ns=tally.commands_ns,
                took_ns=look.host.mono_ns() - begin_ns,
            )
        )


async def _guarded(collector: Collector, look: Look) -> None:
    """The stage's one guard: a collector that hangs or is broken is evidence of its own and stops no other."""
    begin_ns = look.host.mono_ns()
    try:
        async with asyncio.timeout(look.window_s + collector.timeout_s):
            await collector.run(look)
    except OSError as error:  # TimeoutError is one
        outcome, detail = outcome_of(error)
        look.keep(_ended(collector, look, begin_ns, outcome, detail))
    except Exception:  # noqa: BLE001 - a defect in one collector is kept in the case
        look.keep(_ended(collector, look, begin_ns, Outcome.BROKE, traceback.format_exc(limit=-4)))


def _ended(collector: Collector, look: Look, begin_ns: int, outcome: Outcome, detail: str) -> Evidence:
    return Evidence(
        id=f"{collector.name}.ended",
        kind=Kind.TEXT,
        source=collector.name,
        outcome=outcome,
        detail=detail,
        mono_ns=begin_ns,
        wall_ns=look.host.wall_ns(),
        took_ns=look.host.mono_ns() - begin_ns,
        cost=collector.cost,
    )


def spent(look: Look, bills: Sequence[Bill]) -> Evidence:
    """Give what the whole cost until now as evidence: our own, for it is about us."""
    purse = look.purse or _bottomless(look)
    items = sorted((item for bill in bills for item in bill.items), key=lambda item: -item.cpu_ns)
    whole = Spent(
        cpu_ns=purse.cpu_ns,
        cpu_budget_ns=purse.budget.cpu_ns,
        longest_stall_ns=purse.longest_stall_ns,
        stall_budget_ns=purse.budget.stall_ns,
        guests=purse.guests,
        collectors=tuple(items),
    )
    return Evidence(
        id=SPENT_ID,
        kind=Kind.SPENT,
        source="CPU time of crazytrain and of its commands; threads that they stopped",
        data=msgspec.json.encode(whole) + b"\n",
        mono_ns=look.host.mono_ns(),
        wall_ns=look.host.wall_ns(),
    )
