"""The guest from inside in the story: named, and contradicted where the host saw something else."""

import msgspec

from crazytrain.model.facts import Facts
from crazytrain.model.facts.inside import InsideReading, Missing
from crazytrain.model.facts.inside_view import CpuShare, Pace
from crazytrain.report.inside_story import inside_story
from tests.diagnose import making as m
from tests.diagnose.cases_inside import HUNG, function, inside, running, seen, time


def said(*facts: object) -> str:
    return "\n".join(line.says for line in inside_story(Facts(facts)))


def test_who_runs_and_where_is_told() -> None:
    assert "thread 71 (dd) ran 98 % of the time" in said(running("dd", 0.98))
    assert "hottest kernel functions, of 200 samples: chacha_permute 65 %" in said(
        inside(seen(functions=(function("chacha_permute", 0.65),)))
    )


def test_a_task_that_hangs_is_told_with_its_stack() -> None:
    assert "thread 312 (jbd2/vda1-8) hung in D state all the time: __schedule < schedule < io_schedule" in said(
        inside(seen(stuck=(HUNG,)))
    )


def test_a_guest_that_idles_while_its_thread_burns_is_a_contradiction() -> None:
    idle = inside(seen(cpus=(CpuShare(cpu=0, user=0.01, idle=0.99),), time=(time(Pace.MOVES),)))
    assert "inside and outside disagree" in said(idle, m.threads(vcpu=1.0))
    assert "inside and outside disagree" not in said(idle, m.threads(vcpu=0.02))


def test_a_guest_that_no_longer_counts_is_no_contradiction() -> None:
    stands = inside(seen(cpus=(CpuShare(cpu=0, user=0.0, idle=1.0),), time=(time(Pace.STANDS),)))
    assert "disagree" not in said(stands, m.threads(vcpu=1.0))


def test_a_guest_that_is_held_back_takes_the_wait_for_work() -> None:
    busy = inside(seen(cpus=(CpuShare(cpu=0, user=0.97, steal=0.0, idle=0.03),), time=(time(Pace.MOVES),)))
    assert "got only 10 % of a CPU" in said(busy, m.threads(vcpu=0.1))


def test_a_kernel_that_was_not_found_is_told_with_why() -> None:
    nothing = InsideReading(mono_ns=1, took_ns=1, missing=(Missing("kernel", "no page table to begin with"),))
    assert "could not be read: no page table to begin with" in said(nothing)
    assert said() == ""


def test_what_the_guest_calls_its_threads_reaches_no_terminal() -> None:
    hostile = msgspec.structs.replace(running("x", 0.9).view.tasks[0], comm="\x1b[2Jsh\n")
    told = inside(seen(tasks=(hostile,)))
    assert "\x1b" not in said(told)
    assert "thread 71" in said(told)
