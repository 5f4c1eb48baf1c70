"""Doctor: rows for people and for machines, remedies that can be copied; as root and as nobody."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from crazytrain.cli.doctoring import advice, case_room, table
from crazytrain.collect.abilities import PROBES
from crazytrain.model.ability import Ability, State
from tests.support import skip_real

NOBODY = 65534


def row(name: str, state: State, found: str = "found", remedy: str = "") -> Ability:
    return Ability(name=name, state=state, found=found, matters="reading threads", remedy=remedy)


def lines(*rows: Ability, width: int = 80) -> list[str]:
    return [line.plain for line in (*table(rows, width), *advice(rows))]


def test_rows_are_aligned_and_say_what_is_lost() -> None:
    assert lines(row("tracefs", State.YES), row("other processes", State.PART), row("BTF", State.NO)) == [
        "ok    tracefs          found",
        "part  other processes  found",
        "                       for reading threads",
        "no    BTF              found",
        "                       for reading threads",
    ]


def test_long_findings_are_wrapped_under_themselves() -> None:
    first, *rest = lines(row("guests", State.YES, "one two three four five six seven eight nine"), width=40)
    assert first == "ok    guests  one two three four five"
    assert rest == ["              six seven eight nine"]


def test_what_a_guest_says_is_escaped() -> None:
    (only,) = lines(row("guests", State.YES, "1: \x1b[2Jweb\u202e01"))
    assert only == "ok    guests  1: \\x1b[2Jweb\\u202e01"


def test_remedies_are_one_list_with_packages_together_and_nothing_twice() -> None:
    found = lines(
        row("a", State.NO, remedy="apt-get install bpftrace"),
        row("b", State.PART, remedy="# because\nmodprobe kvm"),
        row("c", State.NO, remedy="apt-get install strace"),
        row("d", State.NO, remedy="modprobe kvm"),
        row("e", State.NO, remedy="apt-get install bpftrace"),
        row("f", State.YES, remedy="rm -rf /"),
    )
    assert found[found.index("\nTo see more (as root; lines with # are words):") + 1 :] == [
        "  apt-get install bpftrace strace",
        "  # because",
        "  modprobe kvm",
    ]


def test_where_all_is_there_nothing_is_advised() -> None:
    assert list(advice([row("a", State.YES)])) == []


def test_the_room_for_cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRAZYTRAIN_STATE", str(tmp_path / "not" / "yet"))
    room = case_room()
    assert (room.path, room.writable) == (f"{tmp_path}/not/yet/cases", True)
    assert room.free_bytes > 0
    assert not (tmp_path / "not").exists()


def test_no_room_for_cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CRAZYTRAIN_STATE", str(tmp_path / "file"))
    assert case_room().writable is False
    monkeypatch.setenv("CRAZYTRAIN_STATE", "relative")
    with pytest.raises(OSError, match="not an absolute path"):
        case_room()


def doctor(*argv: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "crazytrain", "doctor", *argv]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, **env})


@pytest.mark.real
def test_for_people() -> None:
    done = doctor()
    assert (done.returncode, done.stderr) == (0, "")
    shown = done.stdout.splitlines()
    for probe in PROBES:
        assert any(line[:4].strip() in ("ok", "part", "no") and line[6:].startswith(probe.name) for line in shown)
    assert "\x1b" not in done.stdout


@pytest.mark.real
def test_for_machines() -> None:
    done = doctor("--json", CRAZYTRAIN_STATE="relative")
    rows = json.loads(done.stdout)
    assert done.returncode == 0
    assert [row["name"] for row in rows] == [probe.name for probe in PROBES]
    assert {row["state"] for row in rows} <= {"yes", "part", "no"}
    assert all(set(row) == {"name", "state", "found", "matters", "remedy"} for row in rows)
    (folder,) = (row for row in rows if row["name"] == "case folder")
    assert (folder["state"], "not an absolute path" in folder["found"]) == ("no", True)


# Imports all as root, for nobody may be kept out of the folder of the program, then becomes nobody and asks anew.
AS_NOBODY = f"""
import contextlib, io, os
from crazytrain.cli import doctoring
with contextlib.redirect_stdout(io.StringIO()):
    doctoring.examine(as_json=True)
    doctoring.examine(as_json=False)
os.setgroups([]); os.setresgid({NOBODY}, {NOBODY}, {NOBODY}); os.setresuid({NOBODY}, {NOBODY}, {NOBODY})
os.chdir("/")
doctoring.examine(as_json=True)
"""


@pytest.mark.real
def test_as_nobody(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        skip_real("only root can become nobody")
    env = {**os.environ, "CRAZYTRAIN_STATE": str(tmp_path / "state")}
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY], capture_output=True, text=True, timeout=120, check=True, env=env
    )
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert done.stderr == ""
    assert (rows["privileges"]["state"], rows["privileges"]["found"][:10]) == ("no", "user 65534")
    assert rows["other processes"]["state"] == "no"
    assert rows["BPF programs"]["state"] == "no"
    assert rows["case folder"]["state"] == "no"
    assert all("crazytrain could not ask" not in row["found"] for row in rows.values())
