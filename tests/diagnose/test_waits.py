"""Waits that look alike: each is one cause, and a healthy guest's is none."""

import pytest

from crazytrain.diagnose.causes import CAUSES
from crazytrain.diagnose.engine import diagnose
from crazytrain.model.facts import Facts, ThreadRole
from crazytrain.model.facts.waits import KVM_RUN
from crazytrain.model.finding import Verdict
from crazytrain.model.waiting import described, holds, rests
from tests.diagnose import cases_waits as c
from tests.diagnose import making as m


def found(*facts: object) -> set[str]:
    return {f.cause for f in diagnose(Facts(facts), CAUSES) if f.verdict is Verdict.FOUND} & set(c.CASES)


@pytest.mark.parametrize("slug", sorted(c.CASES))
def test_each_hit_is_this_cause_alone(slug: str) -> None:
    assert found(*c.CASES[slug][0]) == {slug}


@pytest.mark.parametrize(
    "thread",
    [
        c.wait(ThreadRole.MAIN_LOOP, "ppoll", 3600.0, endless=True),
        c.wait(ThreadRole.MAIN_LOOP, "", 0.0, state="R"),
        c.wait(ThreadRole.MAIN_LOOP, "futex", 0.001, lock=c.LOCK),
        c.wait(ThreadRole.MAIN_LOOP, "pread64", 0.05, on="fd 8"),
        c.wait(ThreadRole.MAIN_LOOP, "ppoll", 30.0, state="T"),
        c.wait(ThreadRole.MAIN_LOOP, "openat", 30.0, state="T", on="/x"),
        c.wait(ThreadRole.VCPU, "ioctl", 3600.0, request=KVM_RUN),
        c.wait(ThreadRole.WORKER, "fdatasync", 2.0, on="fd 8"),
        c.wait(ThreadRole.OTHER, "read", 3600.0, on="fd 3"),
        c.wait(ThreadRole.OTHER, "recvmsg", 3600.0, on="fd 3"),
    ],
    ids=lambda thread: f"{thread.role.value}-{thread.call}-{thread.state}",
)
def test_what_healthy_or_stopped_guests_do_is_none_of_them(thread: object) -> None:
    assert found(c.waits(thread), m.threads(), c.ANSWERS) == set()  # type: ignore[arg-type]


def test_a_drain_that_waits_for_a_slow_storage_is_the_storage_s_fault() -> None:
    assert found(c.waits(c.DRAINS, c.READS), c.ANSWERS) == {"storage-stall"}


def test_who_holds_the_lock_is_told_with_who_waits_for_it() -> None:
    here = c.waits(c.OPENS, c.WANTS, locked=True)
    assert holds(here, 10) == "it holds QEMU's big lock, for which vCPU 0 waits"
    assert described(c.OPENS) == "main loop (thread 10) has been inside openat of /mnt/nfs/iso for at least 4 s"
    assert described(c.WANTS) == (
        "vCPU 0 (thread 11) wants QEMU's big lock, which thread 10 holds, and has waited for it for at least 4 s"
    )
    assert [rests(wait) for wait in here.threads] == [False, False]
