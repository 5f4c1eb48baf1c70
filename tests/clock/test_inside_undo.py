"""A clocksource that was set inside: undone in the same boot of the guest, and forgotten with it."""

import asyncio
from pathlib import Path

import pytest

from crazytrain.host.fake import FakeHost
from crazytrain.model.clock_change import ClockChange, Running
from crazytrain.model.errors import BadInput, CrazytrainError
from crazytrain.model.guest import Guest, Manager, ProcessId
from crazytrain.pipeline_clock_change import Asked, Target, changed, is_done, planned, settle, undoing
from crazytrain.remedy.clock_guest import CURRENT
from crazytrain.remedy.clock_keys import settings
from tests.clock.folder_guest import FolderGuest

BOOT_ID = "/proc/sys/kernel/random/boot_id"


class Ticking(FakeHost):
    def wall_ns(self) -> int:
        self.now_ns += 1_000_000_000
        return super().wall_ns()


def target_of(start_ticks: int = 1, *, runs: bool = True) -> Target:
    process = ProcessId(pid=4711, start_ticks=start_ticks, boot_id="b")
    guest = Guest(process=process, name="web01", manager=Manager.PLAIN)
    return Target(name="web01", key="web01", guest=guest if runs else None, virsh=None)


@pytest.fixture
def guest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FolderGuest:
    found = FolderGuest(tmp_path / "guest")

    async def hands(*_: object) -> FolderGuest:
        await asyncio.sleep(0)
        return found

    monkeypatch.setattr("crazytrain.pipeline_clock_change.agent_hands", hands)
    return found


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    return Asked(host=Ticking(), root=tmp_path / "clocks", uri="", told=lambda _: None)


def put(asked: Asked, name: str) -> ClockChange:
    plan = asyncio.run(planned(asked, target_of(), settings([f"clocksource={name}"]), next_boot=False))
    return asyncio.run(changed(asked, plan))


def undo(asked: Asked, at: Target) -> ClockChange:
    return asyncio.run(changed(asked, asyncio.run(undoing(asked, at))))


def test_it_is_undone_one_by_one_in_the_same_boot(guest: FolderGuest, asked: Asked) -> None:
    put(asked, "hpet")
    put(asked, "acpi_pm")
    undo(asked, target_of())
    assert guest.has(CURRENT) == "hpet\n"
    undo(asked, target_of())
    assert guest.has(CURRENT) == "tsc\n"
    with pytest.raises(BadInput, match="nothing to undo"):
        asyncio.run(undoing(asked, target_of()))


def test_it_is_forgotten_when_the_guest_rebooted_restarted_or_is_off(guest: FolderGuest, asked: Asked) -> None:
    put(asked, "hpet")
    for at in (target_of(start_ticks=2), target_of(runs=False)):
        with pytest.raises(BadInput, match="nothing to undo"):
            asyncio.run(undoing(asked, at))
    assert asyncio.run(undoing(asked, target_of())).record.before == "hpet"
    guest.put(BOOT_ID, "5f1c0a52-0000-4000-8000-000000000002\n")
    with pytest.raises(BadInput, match="nothing to undo"):
        asyncio.run(undoing(asked, target_of()))


def test_what_others_switched_is_refused_and_what_they_switched_back_is_settled(
    guest: FolderGuest, asked: Asked
) -> None:
    put(asked, "hpet")
    guest.put(CURRENT, "acpi_pm\n")
    with pytest.raises(CrazytrainError, match="the clocksource is acpi_pm now") as caught:
        asyncio.run(undoing(asked, target_of()))
    assert "--set clocksource=tsc" in caught.value.hint
    guest.put(CURRENT, "tsc\n")
    plan = asyncio.run(undoing(asked, target_of()))
    assert is_done(plan)
    settle(asked, plan)
    with pytest.raises(BadInput, match="nothing to undo"):
        asyncio.run(undoing(asked, target_of()))


def test_what_switches_while_somebody_is_asked_is_noticed(guest: FolderGuest, asked: Asked) -> None:
    plan = asyncio.run(planned(asked, target_of(), settings(["clocksource=hpet"]), next_boot=False))
    guest.put(CURRENT, "acpi_pm\n")
    with pytest.raises(CrazytrainError, match="became acpi_pm while this was asked"):
        asyncio.run(changed(asked, plan))
    assert guest.has(CURRENT) == "acpi_pm\n"


def test_a_kernel_that_does_not_take_it_leaves_nothing_to_undo(guest: FolderGuest, asked: Asked) -> None:
    guest.takes = False
    with pytest.raises(CrazytrainError, match="did not take hpet"):
        put(asked, "hpet")
    with pytest.raises(BadInput, match="nothing to undo"):
        asyncio.run(undoing(asked, target_of()))


def test_runs_are_told_apart() -> None:
    run = Running("1.2.b", "x").written
    assert Running("1.2.b").may_be(run)
    assert not Running("1.3.b").may_be(run)
    assert not Running("").may_be(run)
