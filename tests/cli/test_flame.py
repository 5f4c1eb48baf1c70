"""``crazytrain flame``: from a saved case to a file, and what it says where there is nothing to write."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crazytrain.cli import app
from crazytrain.model.case import Window
from crazytrain.model.errors import BadInput, NoSuchGuest, NotAllowed
from crazytrain.model.evidence import Evidence, Kind, Outcome
from crazytrain.store import open_case
from tests.collect.making import a_guest

SAMPLE = b"CPU 0/KVM 705 1.000001: \n\t 7f7324 kvm_cpu_exec+0x84 (/usr/bin/q)\n\t 1098eb clone3+0x2b (/usr/lib/libc.so.6)\n\n"
SOURCE = "perf record -F 50 -e cpu-clock --call-graph dwarf -p 700 -- sleep 1.00"


def kept(root: Path, outcome: Outcome = Outcome.OK, detail: str = "") -> str:
    data = SAMPLE * 3 if outcome is Outcome.OK else b""
    with open_case(root, a_guest(700), Window(wall_ns=10**18, start_ns=0, end_ns=10**9)) as writer:
        writer.keep(Evidence(id="oncpu", kind=Kind.ONCPU, source=SOURCE, outcome=outcome, detail=detail, data=data))
        writer.finish(b"{}", "")
        return writer.case.id


def flame(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["flame", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_saved_case_is_written_as_collapsed_stacks(tmp_path: Path) -> None:
    case = kept(tmp_path)
    assert flame(case, "--in", str(tmp_path)) == "vCPU;vCPU 705;clone3;kvm_cpu_exec 3\n"


def test_speedscope_goes_to_a_file(tmp_path: Path) -> None:
    out = tmp_path / "web01.json"
    assert flame(str(tmp_path / kept(tmp_path)), "--format", "speedscope", "-o", str(out)) == ""
    assert json.loads(out.read_text())["profiles"][0]["weights"] == [60.0]


def test_a_case_without_samples_says_why(tmp_path: Path) -> None:
    case = kept(tmp_path, Outcome.ABSENT, "nothing burns: all threads took 0.1% of a CPU")
    with pytest.raises(BadInput, match="nothing burns"):
        flame(case, "--in", str(tmp_path))


def test_neither_case_nor_guest(tmp_path: Path) -> None:
    with pytest.raises(NoSuchGuest):
        flame("no-such-guest-anywhere", "--in", str(tmp_path))


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotAllowed, match="cannot be written"):
        flame(kept(tmp_path), "--in", str(tmp_path), "-o", str(tmp_path / "none" / "x"))


def test_the_help_shows_formats_and_examples() -> None:
    told = CliRunner().invoke(app, ["flame", "--help"]).stdout
    for word in ("speedscope", "collapsed", "flamegraph.pl", "--for", "Exit codes"):
        assert word in told
