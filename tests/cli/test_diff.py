"""The words of ``crazytrain diff``: which guest, case or text they mean, and what is wrong with them."""

import json
import os
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import msgspec
import pytest

from crazytrain.cli.diff_sides import running, saved
from crazytrain.cli.diffing import compared, completions
from crazytrain.cli.looking import Wish, _fitting
from crazytrain.model.errors import BadInput, NoSuchCase, NoSuchGuest
from crazytrain.model.evidence import Kind
from crazytrain.model.guest import Accelerator, Guest, ProcessId
from crazytrain.model.overview import CpuSplit, GuestOverview
from tests.store.test_earlier import keep
from tests.support import ROOT

CASES = ROOT / "tests" / "cases"
RUNNING = tuple(
    Guest(process=ProcessId(pid=pid, start_ticks=pid), name=name) for pid, name in ((10, "db"), (11, "web01"))
)
STRACE = CASES / "2012-crazy-train" / "strace.txt"


def test_names_and_pids_of_guests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert running(RUNNING, "db") == RUNNING[0]
    assert running(RUNNING, "web") == RUNNING[1]
    assert running(RUNNING, "11") == RUNNING[1]
    assert running(RUNNING, "-") is None
    assert running(RUNNING, "./db") is None
    assert running(RUNNING, "mail") is None


def test_a_name_that_is_a_guest_and_a_file_must_be_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "db").write_text("read(3) = 0\n")
    (tmp_path / "web").write_text("read(3) = 0\n")
    with pytest.raises(BadInput, match="a running guest and a file") as caught:
        running(RUNNING, "db")
    assert "10 for the guest, ./db for the file" in caught.value.hint
    assert running(RUNNING, "web") is None  # only the beginning of a guest's name: the file is meant


def test_cases_text_and_folders(tmp_path: Path) -> None:
    packed = CASES / "lab-idle" / "case.crazytrain"
    assert saved(str(packed), ()).kind == "case"
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "idle.crazytrain").write_bytes(packed.read_bytes())
    assert saved(str(tmp_path / "one"), ()).kind == "case"
    (tmp_path / "two").mkdir()
    for name in ("strace.txt", "fd.txt"):
        (tmp_path / "two" / name).write_bytes((CASES / "2012-crazy-train" / name).read_bytes())
    text = saved(str(tmp_path / "two"), ())
    assert (text.kind, len(text.case.evidence)) == ("text", 2)
    assert len(saved(f"{tmp_path}/two/strace.txt,{tmp_path}/two/fd.txt", ()).case.evidence) == 2


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NoSuchGuest, match="no running guest, no case and no file") as caught:
        saved("web02", RUNNING)
    assert "web01" in caught.value.hint
    with pytest.raises(NoSuchCase):
        saved(str(tmp_path / "nothing"), ())
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="nothing in empty was recognised"):
        saved(str(tmp_path / "empty"), ())
    (tmp_path / "noise.txt").write_text("zzz\n" * 3)
    with pytest.raises(BadInput, match="recognised"):
        saved(str(tmp_path / "noise.txt"), ())


def test_an_archive_and_a_pipe(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "night.tar.gz", "w:gz") as tar:
        for name in ("strace.txt", "fd.txt"):
            tar.add(CASES / "2012-crazy-train" / name, name)
    assert {e.kind for e in saved(str(tmp_path / "night.tar.gz"), ()).case.evidence} >= {Kind.STRACE}
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(STRACE.read_bytes(),))
    writer.start()
    assert saved(str(pipe), ()).kind == "text"
    writer.join()


def test_two_packed_cases_in_a_folder_must_be_told_apart(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes((CASES / "lab-idle" / "case.crazytrain").read_bytes())
    with pytest.raises(BadInput, match="2 packed cases"):
        saved(str(tmp_path), ())


def test_both_cannot_be_standard_input() -> None:
    with pytest.raises(BadInput, match="both sides"):
        compared(("-", "-"), Wish(), quiet=True)


def program(*words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = (sys.executable, "-m", "crazytrain", "diff", *words)
    return subprocess.run(command, input=given, capture_output=True, timeout=120, check=False)


def test_standard_input_beside_a_file() -> None:
    done = program("-", str(CASES / "2012-healthy" / "strace.txt"), given=STRACE.read_bytes().replace(b"\n", b"\r\n"))
    assert done.returncode == 0, done.stderr
    assert b"Yes, such lines are in the other, too" in done.stdout


def test_json_for_machines() -> None:
    done = program(
        str(CASES / "lab-rtc-storm" / "case.crazytrain"), str(CASES / "lab-idle" / "case.crazytrain"), "--json"
    )
    report = json.loads(done.stdout)
    assert report["schema_version"] == 1
    assert (report["here"]["cause"], report["there"]["cause"]) == ("rtc-periodic-storm", "healthy-idle")
    first = report["comparison"]["differences"][0]
    assert (first["measure"], first["standing"], first["notable"]) == ("IRQ 8 (RTC)", "differs", True)
    assert first["here_range"]["low"] < first["here"] < first["here_range"]["high"]


def test_trouble_is_one_line_and_a_hint() -> None:
    done = program("./nothing-here", "./nor-here")
    assert done.returncode == 66
    assert b"Traceback" not in done.stderr


def test_help_tells_all() -> None:
    told = program("--help").stdout.decode()
    for word in (
        "HERE",
        "THERE",
        "--for",
        "--cost",
        "--budget-cpu",
        "--budget-stall",
        "--json",
        "--all",
        "Exit codes",
        "Examples",
    ):
        assert word in told


def test_completion_knows_no_guest_by_a_name_that_nobody_has() -> None:
    assert list(completions("no-guest-and-no-case-is-called-so")) == []


def overview(guest: Guest) -> GuestOverview:
    return GuestOverview(guest=guest, split=CpuSplit(vcpu_ratio=0.1, main_loop_ratio=0.01))


def test_the_baseline_is_a_guest_set_up_alike_or_the_same_one_earlier(tmp_path: Path) -> None:
    """``why`` without --against."""
    sick = msgspec.structs.replace(RUNNING[0], accelerator=Accelerator.KVM, vcpus=2, machine="q35", qemu_version="7.2")
    like = msgspec.structs.replace(sick, process=ProcessId(pid=11, start_ticks=11), name="db2")
    other = msgspec.structs.replace(like, accelerator=Accelerator.TCG, name="toy")
    assert _fitting(sick, [overview(like)], tmp_path).guest == like
    assert _fitting(sick, [overview(other)], tmp_path).guest == other  # better than nobody
    well = keep(tmp_path, sick, 1)
    chosen = _fitting(sick, [overview(other)], tmp_path)
    assert chosen.guest is None
    assert chosen.case is not None
    assert chosen.case.id == well.name
    assert "last healthy time" in chosen.choice
    assert "toy runs beside it, but is set up otherwise" in chosen.choice
    assert _fitting(sick, [overview(like)], tmp_path).guest == like
    assert "no other guest" in _fitting(sick, [], tmp_path).choice
