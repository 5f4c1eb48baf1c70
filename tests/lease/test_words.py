"""The words of ``crazytrain lease``: what goes together, who is asked, and records that are brought back."""

import io
from pathlib import Path

import msgspec
import pytest

from crazytrain.cli.leasing import How, What, _confirm, _wish
from crazytrain.collect.networks import Where
from crazytrain.host.loop import run
from crazytrain.model.errors import BadInput, CrazytrainError
from crazytrain.model.lease_change import LeaseRecord
from crazytrain.pipeline_lease import Asked, changed, looked, planned, shown
from crazytrain.remedy.lease_wanted import Wish
from crazytrain.store.lease_records import alone, keep_record, last_standing, leases_root, new_id, records
from tests.lease.making import UUID, network, xml
from tests.lease.test_refusing import MadeUp

HOW = How(dry_run=False, yes=False, undo=False, connect="", as_json=False, full=False, quiet=True)
WHAT = What(network="default", to="24h", within="", mac="")


def how(**changes: bool) -> How:
    return msgspec.structs.replace(HOW, **changes)


def what(**changes: object) -> What:
    return msgspec.structs.replace(WHAT, **changes)


def test_what_is_to_be_set() -> None:
    assert _wish(WHAT, HOW) == Wish(seconds=86_400)
    assert _wish(what(mac="h1"), HOW) == Wish(seconds=86_400, host="h1")
    assert _wish(what(to=None), HOW) is None
    assert _wish(what(to=None), how(undo=True)) is None


@pytest.mark.parametrize(
    ("asked", "way", "says"),
    [
        (WHAT, how(undo=True), "exclude"),
        (what(network=""), HOW, "which network"),
        (what(network="", to=None), how(undo=True), "which network"),
        (what(to=None, mac="h1"), HOW, "nothing is asked"),
        (what(to=None), how(dry_run=True), "nothing is asked"),
        (what(mac="h1", within="10.0.0.1-10.0.0.2"), HOW, "exclude"),
        (what(restart=True), HOW, "--by-options"),
        (what(by_options=True, mac="h1"), HOW, "--by-options"),
        (what(to="5"), HOW, "no unit"),
    ],
)
def test_what_does_not_go_together(asked: What, way: How, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        _wish(asked, way)


@pytest.mark.parametrize(
    ("said", "goes_on"), [("y\n", True), ("yes\n", True), ("\n", False), ("", False), ("no\n", False)]
)
def test_it_asks_and_shows_the_diff_first(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    said: str,
    *,
    goes_on: bool,
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    asked = Asked(host=MadeUp(xml()), where=Where(), root=tmp_path, told=lambda _: None)
    plan = run(planned(asked, "default", Wish(seconds=86_400), "test"))
    monkeypatch.setattr("sys.stdin", Terminal(said))
    monkeypatch.setattr("sys.stderr", screen := Terminal())
    if goes_on:
        _confirm(asked, plan, HOW)
    else:
        with pytest.raises(BadInput, match="nothing was changed"):
            _confirm(asked, plan, HOW)
    assert "Do it? [y/N]" in screen.getvalue()
    assert (
        "+ <range start='192.168.122.2' end='192.168.122.254'><lease expiry='24' unit='hours'/>"
        in capsys.readouterr().out
    )


def test_without_a_terminal_nobody_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Asked(host=MadeUp(xml()), where=Where(), root=tmp_path, told=lambda _: None)
    plan = run(planned(asked, "default", Wish(seconds=86_400), "test"))
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(BadInput, match="nobody is there to ask"):
        _confirm(asked, plan, HOW)
    _confirm(asked, plan, how(yes=True))


def test_what_changes_while_somebody_is_asked_is_noticed(tmp_path: Path) -> None:
    host = MadeUp(xml())
    asked = Asked(host=host, where=Where(), root=tmp_path, told=lambda _: None)
    plan = run(planned(asked, "default", Wish(seconds=86_400), "test"))
    host.live = xml(lease="")
    with pytest.raises(CrazytrainError, match="changed by others while this was asked"):
        run(changed(asked, plan))
    assert host.updates == 0
    assert not list(records(tmp_path, UUID))


def test_two_at_a_time_do_not_change_one_network(tmp_path: Path) -> None:
    host = MadeUp(xml())
    asked = Asked(host=host, where=Where(), root=tmp_path, told=lambda _: None)
    plan = run(planned(asked, "default", Wish(seconds=86_400), "test"))
    with alone(tmp_path, UUID), pytest.raises(CrazytrainError, match="another crazytrain"):
        run(changed(asked, plan))
    with alone(tmp_path, "another network"), alone(tmp_path, UUID):
        assert host.updates == 0


def test_what_was_cut_off_is_finished_from_the_ranges_of_before_and_the_hosts_of_now(tmp_path: Path) -> None:
    whole = "<range start='192.168.122.2' end='192.168.122.254'>"
    halves = "<range start='192.168.122.2' end='192.168.122.128'/><range start='192.168.122.129' end='192.168.122.254'>"
    now = (
        xml()
        .replace(whole, halves)
        .replace("<host ", "<host mac='52:54:00:77:00:09' name='new' ip='192.168.122.9'/><host ")
    )
    before = record(5)
    keep_record(tmp_path, msgspec.structs.replace(before, before_kept=network()))
    asked = Asked(host=MadeUp(now), where=Where(), root=tmp_path, told=lambda _: None)
    _, networks = run(looked(asked, "default"))
    assert "was cut off" in shown(asked, networks).networks[0].notes[-1]
    plan = run(planned(asked, "default", Wish(seconds=86_400), "test"))
    assert plan.record.id == before.id
    assert [entry.key for entry in plan.wanted[0].ranges] == [("192.168.122.2", "192.168.122.254")]
    assert [entry.element.get("name") for entry in plan.wanted[0].hosts] == ["new", "h1"]
    assert any("--undo goes back to before both" in note for note in plan.notes)
    keep_record(tmp_path, msgspec.structs.replace(before, before_kept=network(), finished=True))
    assert not any("was cut off" in note for note in shown(asked, networks).networks[0].notes)


def record(number: int, uuid: str = UUID, *, undone: bool = False) -> LeaseRecord:
    return LeaseRecord(
        id=new_id("default", number * 10**9),
        uri="",
        network="default",
        uuid=uuid,
        wall_ns=number * 10**9,
        asked=str(number),
        before_live=network(),
        before_kept=None,
        undone=undone,
    )


def test_records_come_back_the_newest_first_and_what_is_broken_is_passed_over(tmp_path: Path) -> None:
    root = leases_root({"CRAZYTRAIN_STATE": str(tmp_path)}, 0)
    assert list(records(root, UUID)) == []
    three = [record(5), record(9, undone=True), record(7)]
    for one in (*three, record(8, "another")):
        path = keep_record(root, one)
        assert path.stat().st_mode & 0o777 == 0o600
    (root / "default-20260101T000000Z-abcdef.json").write_text("{")
    (root / "x.json").write_bytes(b"\xff" * 100)
    assert [one.asked for one in records(root, UUID)] == ["9", "7", "5"]
    found = last_standing(root, UUID)
    assert found == three[2]
    keep_record(root, msgspec.structs.replace(three[2], undone=True))
    assert (last_standing(root, UUID) or found).asked == "5"
