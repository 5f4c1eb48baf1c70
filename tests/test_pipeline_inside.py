"""A look inside as it goes on: what is told when, and what is still told where a part of it fails."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

import msgspec
import pytest

from crazytrain import pipeline_inside
from crazytrain.collect import inside_sampling
from crazytrain.collect.inside_sampling import Sampled
from crazytrain.host import LiveHost
from crazytrain.model.facts.console import LineMeaning
from crazytrain.model.facts.inside import GuestKernel, InsideLog, InsideProfile, InsideReading, LogRecord, Missing
from crazytrain.model.guest_memory import Unreadable
from crazytrain.model.inside_report import InsideReport
from crazytrain.pipeline_inside import InsidePlan, look_inside, watch_inside
from tests.collect.making import a_guest
from tests.inside_made import KERNEL, S, a_profile, a_reading

T = TypeVar("T")
PLAN = InsidePlan(window_s=0.02)
LOG = InsideLog(records=(LogRecord(1, 28 * S, 0, "watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [sh:88]"),))


class Guest:
    """Stands for a session: gives readings in turn, or fails as told."""

    def __init__(self, *readings: InsideReading | str, kernel: GuestKernel | str | None = KERNEL) -> None:
        self.readings = list(readings)
        self.kernel = kernel
        self.begun: list[bool] = []
        self.paused_ns = -1

    async def begin(self, *, fresh: bool = False) -> InsideReading:
        self.begun.append(fresh)
        if isinstance(self.kernel, str):
            raise Unreadable(self.kernel)
        return InsideReading(
            mono_ns=S, took_ns=5, kernel=self.kernel, missing=(Missing("registers", "the monitor is busy"),)
        )

    async def read(self, _parts: object) -> InsideReading:
        one = self.readings.pop(0)
        if isinstance(one, str):
            raise Unreadable(one)
        return one

    async def watch(self, _until_ns: int, _per_s: float) -> None:
        return

    async def spot(self, *_given: object, **_named: object) -> None:
        return

    async def summarise(self, paused_ns: int = 0) -> InsideProfile:
        self.paused_ns = paused_ns
        return a_profile()

    async def log(self, _most: int) -> InsideLog:
        return LOG


@pytest.fixture
def put(monkeypatch: pytest.MonkeyPatch) -> Callable[[Guest | str], None]:
    """Put a stand-in in place of the session, the looks at registers, and the look from outside."""

    def put(guest: Guest | str) -> None:
        @contextlib.asynccontextmanager
        async def opened(*_given: object) -> AsyncIterator[Guest]:
            if isinstance(guest, str):
                raise Unreadable(guest)
            yield guest

        async def seen(*_given: object) -> Sampled:
            return Sampled(samples=3, paused_ns=7, missing=(Missing("paused looks", "it was enough"),))

        async def outside(*_given: object) -> tuple[()]:
            return ()

        monkeypatch.setattr(pipeline_inside, "open_session", opened)
        monkeypatch.setattr(inside_sampling, "sample_registers", seen)
        monkeypatch.setattr(pipeline_inside, "_outside", outside)

    return put


def run(main: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(main)


def looked(plan: InsidePlan = PLAN) -> tuple[InsideReport, list[InsideReport]]:
    told: list[InsideReport] = []
    return run(look_inside(LiveHost(), a_guest(700), plan, told.append)), told


Put = Callable[[Guest | str], None]


def test_the_first_answer_is_told_before_the_window(put: Put) -> None:
    guest = Guest(a_reading(), a_reading(2.0))
    put(guest)
    report, (first,) = looked()
    assert (first.last, first.profile) == (None, None)
    assert first.first is not None
    assert first.first.kernel is not None
    assert (first.first.kernel.release, first.first.kernel.took_ns) == (KERNEL.release, KERNEL.took_ns)
    assert report.last is not None
    assert report.view is not None
    assert report.view.window_ns == 2 * S
    assert report.view.log[0].meaning is LineMeaning.SOFT_LOCKUP
    assert report.log is None  # nobody asked for the whole of it
    assert guest.paused_ns == 7
    assert report.profile is not None
    assert [one.what for one in report.profile.missing] == ["paused looks"]
    assert [one.why for one in report.missing] == ["the monitor is busy"]


def test_the_whole_log_and_fresh_symbols_on_request(put: Put) -> None:
    guest = Guest(a_reading())
    put(guest)
    report, _ = looked(InsidePlan(window_s=0, log=True, cache=False))
    assert report.log == LOG
    assert report.last is None
    assert guest.begun == [True]


def test_no_session_is_told_and_no_error(put: Put) -> None:
    put("reading the guest's memory needs CAP_SYS_PTRACE (be root)")
    report, told = looked()
    assert (report.first, report.view, told) == (None, None, [])
    assert "CAP_SYS_PTRACE" in report.missing[0].why


def test_a_kernel_whose_parts_cannot_be_read_is_still_named(put: Put) -> None:
    put(Guest("torn", "torn again"))
    report, (first,) = looked()
    assert first.first is not None
    assert first.first.kernel is not None
    assert first.first.kernel.release == KERNEL.release
    assert report.last is None
    assert {one.why for one in report.missing} >= {"torn", "torn again"}


def test_no_kernel_that_we_know(put: Put) -> None:
    banner = msgspec.structs.replace(KERNEL, system="FreeBSD", symbols=0, release="")
    put(Guest(kernel=banner))
    report, _ = looked()
    assert report.first is not None
    assert report.first.kernel == msgspec.structs.replace(banner)
    assert report.profile is None


async def watched(count: int) -> list[InsideReport]:
    looks: list[InsideReport] = []
    async with contextlib.aclosing(watch_inside(LiveHost(), a_guest(700), PLAN)) as reports:
        async for report in reports:
            looks.append(report)
            if len(looks) == count:
                break
    return looks


def test_watching_goes_on_from_where_it_was(put: Put) -> None:
    put(Guest(a_reading(), a_reading(1.0), a_reading(3.0)))
    first, second, third = run(watched(3))
    assert first.last is None
    assert second.view is not None
    assert third.view is not None
    assert (second.view.window_ns, third.view.window_ns) == (S, 2 * S)
    assert third.first == second.last


def test_watching_outlives_a_reboot(put: Put) -> None:
    guest = Guest(a_reading(), "the kernel is not there any more", a_reading(2.0), a_reading(3.0))
    put(guest)
    _, lost, again = run(watched(3))
    assert lost.last is None
    assert lost.first is not None
    assert "the kernel is not there any more" in {one.why for one in lost.missing}
    assert again.view is not None
    assert again.view.window_ns == S
    assert len(guest.begun) == 2


def test_watching_ends_where_nothing_can_be_read_any_more(put: Put) -> None:
    put(Guest(kernel="the guest's process has ended"))
    looks = run(watched(9))
    assert len(looks) == 2
    assert looks[-1].first is None
    assert "ended" in looks[0].missing[0].why
