"""A change in words: for people, for machines, on the command line."""

import io
import json
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from crazytrain.cli import app
from crazytrain.cli.clock import HELP
from crazytrain.cli.clock_setting import How, check
from crazytrain.cli.finishing import confirm
from crazytrain.model.clock_change import ClockChange, Site, WordsView
from crazytrain.model.errors import BadInput, CrazytrainError
from crazytrain.remedy.clock_keys import KEYS
from crazytrain.report.clock_change_schema import clock_change_schema
from crazytrain.report.clock_change_text import clock_change_lines
from tests.clock.change_made import XML, MadeUpLibvirt
from tests.support import ROOT

CHANGE = ClockChange(
    guest="web01",
    asked="web01: hpet=off, in its persistent definition",
    site=Site.DEFINITION,
    diff=("--- now", "+++ then", "@@ -1 +1 @@", " <clock>", "-  <a/>", "+  <b/>"),
    qemu=WordsView(gone=("-cpu a",), new=("-cpu b",), whole="qemu -cpu b"),
    commands=("virsh define --validate FILE",),
    takes_effect="after a full stop and start",
    dry_run=True,
    done=False,
    undoes=False,
    record="",
    verified=(),
    notes=("a note",),
)
NOTHING = How(to=(), next_boot=False, dry_run=False, yes=False, undo=False, connect="", as_json=False, quiet=True)


def text(**changes: object) -> str:
    return "\n".join(one.text for one in clock_change_lines(msgspec.structs.replace(CHANGE, **changes)))


def test_a_dry_run_shows_the_diff_and_the_commands() -> None:
    said = text()
    for part in (
        "(dry run: nothing was changed)",
        "-  <a/>",
        "+  <b/>",
        "- -cpu a",
        "+ -cpu b",
        "$ virsh define",
        "note: a note",
    ):
        assert part in said
    assert "comes true after a full stop and start" in said


def test_lines_of_the_diff_are_not_cut_into_pieces() -> None:
    long = f"+    <cmdline>{'word ' * 60}</cmdline>"
    assert f"  {long}" in text(diff=(long,)).splitlines()


def test_before_it_is_done_no_command_is_named() -> None:
    assert "$ virsh" not in text(dry_run=False)


def test_what_is_done_says_what_was_seen_and_the_way_back() -> None:
    said = text(dry_run=False, done=True, verified=("it is so",), record="/x/y.json", case="/x/a-case")
    assert "how the guest was before is the case /x/a-case" in said
    assert "seen: it is so" in said
    assert "kept in /x/y.json; --undo brings it back" in said
    assert "<a/>" not in said
    assert "--undo" not in text(dry_run=False, done=True, undoes=True)


def test_what_is_so_already_is_said() -> None:
    assert "it is so already" in text(diff=())
    assert "comes true" not in text(diff=())


def test_what_a_guest_or_a_domain_is_called_harms_no_terminal() -> None:
    said = text(asked="\x1b[31mweb", diff=("+\x1b[2J\u202e",), notes=("\x07",), verified=("\x9b",))
    assert not {"\x1b", "\u202e", "\x07", "\x9b"} & set(said)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"to": ("hpet=off",), "undo": True}, "exclude each other"),
        ({"next_boot": True, "undo": True}, "exclude each other"),
        ({"dry_run": True}, "nothing is asked for"),
        ({"yes": True}, "nothing is asked for"),
        ({"next_boot": True}, "nothing is asked for"),
    ],
)
def test_options_that_say_nothing_together(changes: dict[str, object], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        check(msgspec.structs.replace(NOTHING, **changes))


def test_nobody_is_asked_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(BadInput, match="nobody is there to ask"):
        confirm(yes=False)
    confirm(yes=True)


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> MadeUpLibvirt:
    host = MadeUpLibvirt()
    monkeypatch.setattr("crazytrain.cli.clock_setting.LiveHost", lambda: host)
    monkeypatch.setenv("CRAZYTRAIN_STATE", str(tmp_path))
    return host


def ran(*words: str) -> str:
    done = CliRunner().invoke(app, ["clock", "web01", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_set_and_undo_on_the_command_line(made_up: MadeUpLibvirt) -> None:
    change = json.loads(ran("--set", "hpet=on", "--dry-run", "--json"))
    assert (change["dry_run"], change["qemu"]["gone"], made_up.kept) == (True, ["-no-hpet"], XML)
    said = ran("--set", "hpet=on", "--yes")
    assert "  -    <timer name='hpet' present='no'/>\n" in said
    assert "present='yes'" in made_up.kept
    assert "it is so already" in ran("--set", "hpet=on", "--yes")
    change = json.loads(ran("--undo", "--yes", "--json"))
    assert (change["undoes"], change["done"], made_up.kept) == (True, True, XML)


def test_an_answer_of_no_changes_nothing(made_up: MadeUpLibvirt) -> None:
    with pytest.raises(CrazytrainError, match="nobody is there to ask"):
        ran("--set", "hpet=on")
    assert made_up.kept == XML


def test_the_published_schema_is_made_from_the_struct() -> None:
    published = (ROOT / "docs" / "clock-change.schema.json").read_bytes()
    assert published == clock_change_schema(), (
        "make it anew: crazytrain.report.clock_change_schema.clock_change_schema() > docs/clock-change.schema.json"
    )


def test_the_page_and_the_help_name_all_that_can_be_set() -> None:
    page = (ROOT / "docs" / "clock.md").read_text()
    for key in KEYS:
        assert f"`{key.name}`" in page
        assert key.name in HELP
    for option in (
        "--set",
        "--next-boot",
        "--dry-run",
        "--yes",
        "--undo",
        "--connect",
        "--json",
        "--no-agent",
        "--for",
    ):
        assert option in page
    assert "docs/clock.md" in HELP
