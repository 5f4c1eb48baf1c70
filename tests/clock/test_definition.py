"""A definition changed in a made-up libvirt: refused where it cannot come true, told with what hinders, undone."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from crazytrain.host.door import Finished
from crazytrain.model.clock_change import ClockChange, ClockRecord, Site
from crazytrain.model.errors import BadInput, CrazytrainError, MissingTool, NoSuchGuest, NotAllowed
from crazytrain.model.evidence import Outcome
from crazytrain.pipeline_clock_change import Asked, Plan, changed, is_done, planned, settle, target, undoing
from crazytrain.remedy.clock_keys import settings
from crazytrain.store.change_records import keep_record
from crazytrain.store.clock_records import clocks_root, standing
from tests.clock.change_made import UUID, XML, MadeUpLibvirt

LIVE = XML.replace(" passwd='secret'", "")


def asking(host: MadeUpLibvirt, root: Path) -> Asked:
    return Asked(host=host, root=root, uri="", told=lambda _: None)


def plan_of(asked: Asked, *words: str, next_boot: bool = False) -> Plan:
    async def whole() -> Plan:
        return await planned(asked, await target(asked, "web01"), settings(words), next_boot=next_boot)

    return asyncio.run(whole())


def undo_of(asked: Asked) -> Plan:
    async def whole() -> Plan:
        return await undoing(asked, await target(asked, "web01"))

    return asyncio.run(whole())


def done(asked: Asked, plan: Plan) -> ClockChange:
    return asyncio.run(changed(asked, plan))


def test_it_is_shown_done_and_undone(tmp_path: Path) -> None:
    host = MadeUpLibvirt()
    asked = asking(host, tmp_path)
    plan = plan_of(asked, "kvmclock=off", "hpet=on")
    assert (host.kept, is_done(plan), plan.change.site) == (XML, False, Site.DEFINITION)
    assert "+    <timer name='kvmclock' present='no'/>" in plan.change.diff
    assert plan.change.qemu
    assert plan.change.qemu.gone == ("-cpu host", "-no-hpet")
    assert plan.change.qemu.new == ("-cpu host,kvmclock=off",)
    assert plan.change.takes_effect == "at its next start"
    made = done(asked, plan)
    assert (made.done, made.dry_run) == (True, False)
    assert "every other byte" in made.verified[0]
    assert "present='yes'" in host.kept
    back = undo_of(asked)
    assert back.change.qemu
    assert back.change.qemu.new == ("-cpu host", "-no-hpet")
    done(asked, back)
    assert host.kept == XML
    with pytest.raises(BadInput, match="nothing to undo"):
        undo_of(asked)


def test_several_changes_are_undone_one_by_one(tmp_path: Path) -> None:
    host = MadeUpLibvirt()
    asked = asking(host, tmp_path)
    done(asked, plan_of(asked, "kvmclock=off"))
    between = host.kept
    done(asked, plan_of(asked, "hyperv-vpindex=on"))
    done(asked, undo_of(asked))
    assert host.kept == between
    done(asked, undo_of(asked))
    assert host.kept == XML


def test_what_is_so_already_is_left_alone(tmp_path: Path) -> None:
    host = MadeUpLibvirt()
    assert is_done(plan_of(asking(host, tmp_path), "hpet=off"))
    assert not [words for words in host.ran if "define" in words]


def test_planning_defines_and_keeps_nothing(tmp_path: Path) -> None:
    host = MadeUpLibvirt()
    plan_of(asking(host, tmp_path), "hpet=on")
    assert not [words for words in host.ran if "define" in words]
    assert list(tmp_path.iterdir()) == []


def test_secrets_of_the_definition_are_asked_for_or_they_would_be_lost(tmp_path: Path) -> None:
    host = MadeUpLibvirt()
    asked = asking(host, tmp_path)
    done(asked, plan_of(asked, "hpet=on"))
    assert "passwd='secret'" in host.kept
    assert any("--security-info" in words for words in host.ran)
    assert "secret" not in str(plan_of(asked, "hpet=off").change)


def test_the_record_is_for_its_owner_alone(tmp_path: Path) -> None:
    root = clocks_root({"CRAZYTRAIN_STATE": str(tmp_path)}, 0)
    assert root == tmp_path / "clocks"
    made = done(asking(MadeUpLibvirt(), root), plan_of(asking(MadeUpLibvirt(), root), "hpet=on"))
    assert Path(made.record).stat().st_mode & 0o077 == 0
    assert root.stat().st_mode & 0o077 == 0


def test_a_guest_that_runs_takes_it_after_a_full_stop_and_start(tmp_path: Path) -> None:
    change = plan_of(asking(MadeUpLibvirt(live=LIVE), tmp_path), "hpet=on").change
    assert "after a full stop and start (virsh shutdown web01, then virsh start web01)" in change.takes_effect
    assert "reboot inside keeps the old" in change.takes_effect


def with_saved(host: MadeUpLibvirt) -> None:
    host.managed = True


def with_snapshot(host: MadeUpLibvirt) -> None:
    host.snapshots = "before-upgrade\n"


def with_other_live(host: MadeUpLibvirt) -> None:
    host.live, host.state = LIVE.replace("offset='utc'", "offset='localtime'"), "running"


def with_tcg(host: MadeUpLibvirt) -> None:
    host.kept = XML.replace("type='kvm'", "type='qemu'")


@pytest.mark.parametrize(
    ("brought", "says"),
    [
        (with_saved, "a managed save image is there: the next start goes on from it, with the old clock"),
        (with_snapshot, "reverting to one of its snapshots brings the definition of that time back"),
        (with_other_live, "what runs was started with another clock"),
        (with_tcg, "this guest runs under TCG, where it has no effect"),
    ],
)
def test_what_hinders_is_told(tmp_path: Path, brought: Callable[[MadeUpLibvirt], None], says: str) -> None:
    host = MadeUpLibvirt()
    brought(host)
    assert says in " ".join(plan_of(asking(host, tmp_path), "kvmclock=off").change.notes)
    assert says not in " ".join(plan_of(asking(MadeUpLibvirt(live=LIVE), tmp_path), "kvmclock=off").change.notes)


def test_a_transient_guest_is_refused(tmp_path: Path) -> None:
    host = MadeUpLibvirt(live=LIVE)
    host.persistent = False
    with pytest.raises(CrazytrainError, match="web01 is transient") as caught:
        plan_of(asking(host, tmp_path), "hpet=on")
    assert "virsh define" in caught.value.hint


def test_while_libvirt_is_at_work_with_it_it_is_refused(tmp_path: Path) -> None:
    host = MadeUpLibvirt(live=LIVE)
    host.job = "Snapshot"
    with pytest.raises(CrazytrainError, match=r"at work with web01 \(Snapshot\)"):
        plan_of(asking(host, tmp_path), "hpet=on")


def test_what_libvirt_would_not_start_is_refused_in_its_words(tmp_path: Path) -> None:
    host = MadeUpLibvirt()
    host.refuses = lambda xml: "Requested TSC frequency is outside tolerance range" if "frequency" in xml else ""
    with pytest.raises(BadInput, match="would not start web01 with that: Requested TSC frequency is outside"):
        plan_of(asking(host, tmp_path), "tsc-frequency=2GHz")
    assert host.kept == XML


def test_where_libvirt_shows_no_command_line_at_all_it_goes_on_and_says_so(tmp_path: Path) -> None:
    host = MadeUpLibvirt()
    host.fails = {"domxml-to-native": "this function is not supported by the connection driver"}
    plan = plan_of(asking(host, tmp_path), "hpet=on")
    assert plan.change.qemu is None
    assert "does not show its command line here (this function is not supported" in plan.change.notes[0]


def test_a_mode_that_changes_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="tsc-mode changes nothing here"):
        plan_of(asking(MadeUpLibvirt(), tmp_path), "tsc-mode=native")


def test_another_setting_without_effect_on_the_command_line_is_told(tmp_path: Path) -> None:
    notes = plan_of(asking(MadeUpLibvirt(), tmp_path), "pit-tickpolicy=catchup").change.notes
    assert "QEMU's command line stays as it is" in notes[0]


@pytest.mark.parametrize(
    ("complaint", "kind", "says"),
    [
        ("authentication unavailable: no polkit agent available", NotAllowed, "does not let this user change guests"),
        ("Failed to connect socket to '/run/libvirt/libvirt-sock': Permission denied", NotAllowed, "Permission denied"),
        ("operation forbidden: read only access prevents virDomainDefineXMLFlags", NotAllowed, "read only access"),
        ("XML document failed to validate against schema: Unable to validate", CrazytrainError, "failed to validate"),
    ],
)
def test_what_libvirt_refuses_is_said(tmp_path: Path, complaint: str, kind: type[CrazytrainError], says: str) -> None:
    host = MadeUpLibvirt()
    asked = asking(host, tmp_path)
    plan = plan_of(asked, "hpet=on")
    host.fails = {"define": complaint}
    with pytest.raises(kind, match=says):
        done(asked, plan)
    assert host.kept == XML
    host.fails = {}
    with pytest.raises(BadInput, match="nothing to undo"):  # it was cut off before it did anything
        undo_of(asked)


@pytest.mark.parametrize(
    ("complaint", "says"),
    [
        ("failed to get domain 'web01'", "no running guest is called"),
        ("authentication unavailable", "Nor does libvirt tell of one that is off"),
        ("failed to connect to the hypervisor", "Nor does libvirt tell of one that is off"),
    ],
)
def test_a_guest_that_is_nowhere(tmp_path: Path, complaint: str, says: str) -> None:
    host = MadeUpLibvirt()
    host.fails = {"dominfo": complaint}
    with pytest.raises(NoSuchGuest) as caught:
        plan_of(asking(host, tmp_path), "hpet=on")
    assert says in f"{caught.value.message} {caught.value.hint}"


def test_without_virsh_it_is_told(tmp_path: Path) -> None:
    class NoVirsh(MadeUpLibvirt):
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
            del argv, timeout_s, limit_bytes, interrupt_after_s, stdin, enough
            return Finished(
                status=None, stdout=b"", stderr=b"", outcome=Outcome.NO_TOOL, detail="virsh is not installed"
            )

    with pytest.raises(NoSuchGuest) as caught:
        plan_of(asking(NoVirsh(), tmp_path), "hpet=on")
    assert "virsh is not installed" in caught.value.hint
    with pytest.raises(MissingTool, match="virsh is not installed"):
        asyncio.run(NoVirsh().virsh().said("dominfo", "web01"))


def test_what_changes_while_somebody_is_asked_is_noticed(tmp_path: Path) -> None:
    host = MadeUpLibvirt()
    asked = asking(host, tmp_path)
    plan = plan_of(asked, "hpet=on")
    host.kept = XML.replace("pc-q35-7.2", "pc-q35-6.0")
    with pytest.raises(CrazytrainError, match=r"changed by others while this was asked: .*pc-q35-7.2.*is 'pc-q35-6.0'"):
        done(asked, plan)
    assert "present='no'" in host.kept


def test_what_libvirt_makes_something_else_of_is_said_and_can_be_undone(tmp_path: Path) -> None:
    host = MadeUpLibvirt()
    asked = asking(host, tmp_path)
    plan = plan_of(asked, "hpet=on")
    host.written = lambda xml: xml.replace("present='yes'", "present='no'").replace("<acpi/>", "<apic/>")
    with pytest.raises(CrazytrainError, match="libvirt made something else of it"):
        done(asked, plan)


def test_a_change_that_was_cut_off_is_undone_or_was_none(tmp_path: Path) -> None:
    """Whoever is killed has written a record before; whether libvirt took the change shows in its definition."""
    for defined in (True, False):
        host = MadeUpLibvirt()
        asked = asking(host, tmp_path / str(defined))
        plan = plan_of(asked, "kvmclock=off")
        keep_record(asked.root, plan.record)
        if defined:
            assert plan.definition
            host.kept = plan.definition.after
            done(asked, undo_of(asked))
            assert host.kept == XML
        else:
            with pytest.raises(BadInput, match="nothing to undo"):
                undo_of(asked)


def test_an_undo_that_was_cut_off_is_settled(tmp_path: Path) -> None:
    host = MadeUpLibvirt()
    asked = asking(host, tmp_path)
    done(asked, plan_of(asked, "kvmclock=off"))
    host.kept = XML  # libvirt took it, and then we died
    plan = undo_of(asked)
    assert is_done(plan)
    settle(asked, plan)
    assert list(standing(tmp_path, UUID)) == []


def test_others_changes_stay_and_the_same_is_refused(tmp_path: Path) -> None:
    host = MadeUpLibvirt()
    asked = asking(host, tmp_path)
    done(asked, plan_of(asked, "kvmclock=off"))
    made = host.kept
    host.kept = made.replace("<title>a", "<title>new")
    done(asked, undo_of(asked))
    assert host.kept == XML.replace("<title>a", "<title>new")
    done(asked, plan_of(asked, "kvmclock=off"))
    host.kept = host.kept.replace("name='kvmclock' present='no'", "name='kvmclock' present='yes'")
    with pytest.raises(CrazytrainError, match="clock was changed by others since"):
        undo_of(asked)


def test_records_of_other_guests_are_others(tmp_path: Path) -> None:
    host = MadeUpLibvirt()
    asked = asking(host, tmp_path)
    done(asked, plan_of(asked, "kvmclock=off"))
    (record,) = standing(tmp_path, UUID)
    assert isinstance(record, ClockRecord)
    assert list(standing(tmp_path, UUID.replace("4", "5"))) == []
    Path(tmp_path, "broken-20260101T000000Z-aaaaaa.json").write_text("{")
    assert [one.id for one in standing(tmp_path, UUID)] == [record.id]
    assert msgspec.json.decode(Path(tmp_path, f"{record.id}.json").read_bytes(), type=ClockRecord) == record


@pytest.mark.parametrize(
    ("words", "next_boot", "says"),
    [
        (("clocksource=tsc", "hpet=off"), False, "is set inside the guest, at once"),
        (("hpet=off",), True, "--next-boot is for the clocksource"),
        (("clocksource=tsc",), False, "web01 does not run: nothing inside it can be asked"),
    ],
)
def test_what_does_not_go_together(tmp_path: Path, words: tuple[str, ...], next_boot: bool, says: str) -> None:
    with pytest.raises(CrazytrainError, match=says):
        plan_of(asking(MadeUpLibvirt(), tmp_path), *words, next_boot=next_boot)


def test_the_kernels_command_line_is_the_definitions_where_that_gives_it(tmp_path: Path) -> None:
    host = MadeUpLibvirt()
    asked = asking(host, tmp_path)
    plan = plan_of(asked, "clocksource=tsc", "hpet=on", next_boot=True)
    assert "whether the guest has that clocksource is not known: it is off" in plan.change.notes
    done(asked, plan)
    assert "quiet clocksource=tsc</cmdline>" in host.kept
    done(asked, plan_of(asked, "clocksource=default", next_boot=True))
    assert "clocksource" not in host.kept


def test_a_guest_that_is_off_and_boots_by_itself_is_to_be_started(tmp_path: Path) -> None:
    host = MadeUpLibvirt(XML.replace("<kernel>/boot/x</kernel>", ""))
    with pytest.raises(CrazytrainError, match="web01 is off, and its own boot loader"):
        plan_of(asking(host, tmp_path), "clocksource=tsc", next_boot=True)
