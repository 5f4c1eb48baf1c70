"""Sentences about pasted tables, and that a guest's words in them are harmless."""

from crazytrain.model.evidence import Ref
from crazytrain.model.facts import ExitCount, ExitTime, Facts, KvmExits
from crazytrain.model.facts.host_tables import ClocksourceText, CpuRow, CpuTable, InterruptRow, InterruptTable
from crazytrain.model.facts.kernel_traces import KernelTrace, LogClock
from crazytrain.model.facts.profile_table import ProfileRow, ProfileTable
from crazytrain.report.tables_story import tables_story

REF = (Ref("paste.txt", 3),)


def said(*facts: object) -> list[str]:
    return [line.says for line in tables_story(Facts(facts))]


def test_exits_without_a_rate_are_shares() -> None:
    exits = KvmExits(
        window_ns=0,
        exits=(ExitCount(reason="IO_INSTRUCTION", count=60), ExitCount(reason="HLT", count=40)),
        times=(
            ExitTime(reason="IO_INSTRUCTION", tid=0, samples=60, mean_ns=10, time_ns=100),
            ExitTime(reason="HLT", tid=0, samples=40, mean_ns=10, time_ns=300),
        ),
        refs=REF,
    )
    (line,) = tables_story(Facts([exits]))
    assert (
        line.says
        == "100 exits, in what time is not told: IO_INSTRUCTION 60 % (25 % of their time), HLT 40 % (75 % of their time)"
    )
    assert line.evidence == ("paste.txt:3",)
    assert said(KvmExits(window_ns=10**9, exits=exits.exits)) == []  # a rate is told elsewhere


def test_tables() -> None:
    row = CpuRow(cpu=-1, user_ratio=0.5, system_ratio=0.2, idle_ratio=0.1, steal_ratio=0.2, iowait_ratio=0.0)
    assert said(CpuTable(tool="mpstat", rows=(row,), machine="web01")) == [
        "mpstat of web01: all CPUs 50 % user, 20 % system, 10 % idle, 20 % stolen (host or guest: the table does not say)"
    ]
    profile = ProfileTable(rows=(ProfileRow(symbol="aio_poll", own_ratio=0.4, command="qemu-kvm"),))
    assert said(profile) == ["the profile's samples were in aio_poll of qemu-kvm 40 %"]
    table = InterruptTable(
        rows=(InterruptRow(name="LOC", what="Local timer interrupts", count=9, grown=4),), snapshots=2, cpus=1
    )
    assert said(table) == ["interrupts between the snapshots: LOC (Local timer interrupts) 4"]


def test_clocks() -> None:
    assert said(
        ClocksourceText(current="kvm-clock", guest=True), ClocksourceText(current="hpet", available=("tsc", "hpet"))
    ) == [
        "the clock source of a guest is kvm-clock",
        "the clock source (host or guest: that is not told) is hpet; there are tsc, hpet",
    ]
    assert said(LogClock(host=False, stamp_ns=9223372037903009000, before_ns=14071563 * 10**9)) == [
        "the guest's log has a stamp of 292 years since boot, behind one of 162 days: its clock is mad"
    ]


def test_a_trace_is_shown_without_its_control_characters() -> None:
    trace = KernelTrace(
        host=False, sure=True, functions=("b", "c"), place="a", complaint="BUG: \x1b[2Jsoft lockup", cpu=1, comm="sh"
    )
    (line,) = said(trace)
    assert "\x1b" not in line
    assert line.endswith("it was in a from b from c (sh on CPU 1)")
