"""What looking cost is said in the report, against the budget; what was not measured is not said."""

from crazytrain.model.case import Case
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome
from crazytrain.model.facts import Facts
from crazytrain.model.facts.spent import CollectorSpent, Spent
from crazytrain.report.spent import spent_lines, spent_view

MS = 1_000_000


def seen(name: str, cost: Cost, outcome: Outcome = Outcome.OK, data: bytes = b"") -> Evidence:
    return Evidence(id=name, kind=Kind.TEXT, source=name, cost=cost, outcome=outcome, data=data)


CASE = Case(
    id="x",
    guest=None,
    window=None,
    evidence=(
        seen("tasks.0", Cost.READS, data=b"x" * 2048),
        seen("bpf", Cost.SAMPLES),
        seen("strace.ended", Cost.STOPS, Outcome.ABSENT),
    ),
)
ONE = CollectorSpent(name="bpf\x1b[2J", rung="samples", own_cpu_ns=4 * MS, commands_cpu_ns=190 * MS, took_ns=900 * MS)
CHEAP = CollectorSpent(name="host", rung="reads", own_cpu_ns=MS, commands_cpu_ns=0, took_ns=2 * MS)


def spent(longest_stall_ns: int = 0, guests: int = 1) -> Spent:
    return Spent(
        cpu_ns=400 * MS,
        cpu_budget_ns=2250 * MS,
        longest_stall_ns=longest_stall_ns,
        stall_budget_ns=250 * MS,
        guests=guests,
        collectors=(ONE, CHEAP),
    )


def test_the_whole_is_one_sentence_with_the_dearest() -> None:
    view = spent_view(CASE, Facts([spent()]))
    assert list(spent_lines(view, full=False)) == [
        (
            "looking took 400 ms of CPU time (2.25 s were allowed), 2 KiB were kept; no thread of QEMU was stopped; "
            "rungs used: reads, samples"
        ),
        "  of that: bpf\\x1b[2J 194 ms (commands 190 ms)",
    ]
    assert list(spent_lines(view, full=True))[1].endswith("(commands 190 ms), host 1 ms")


def test_stalls_and_several_guests_are_told() -> None:
    (first, _) = spent_lines(spent_view(CASE, Facts([spent(6 * MS, 20)])), full=False)
    assert "for 20 guests together" in first
    assert "no thread of QEMU was stopped for more than 6 ms in all (250 ms were allowed)" in first


def test_what_was_not_measured_is_not_said() -> None:
    view = spent_view(CASE, Facts([]))
    assert (view.cpu_ns, view.longest_stall_ns, view.bytes) == (None, None, 2048)
    assert list(spent_lines(view, full=True)) == []
