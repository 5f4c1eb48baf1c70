"""The runner of public cases and the calibration, on cases made for this."""

import json
import subprocess
from pathlib import Path

import pytest

from bench import calibration, corpus
from tests.support import ROOT

FULL = {
    "id": "made-full",
    "evidence": [
        {
            "kind": "narrative",
            "form": "facts",
            "text": "The guests are paused: no space left on device, I/O error (28).",
        },
        {"kind": "narrative", "form": "facts", "text": "The disk was enlarged, a triple fault.", "spoiler": True},
    ],
    "truth": {
        "family": "qemu-blocked",
        "cause": "enospc-paused",
        "confidence": "confirmed",
        "answerable_from_evidence": "yes",
    },
}
OPEN = {
    "id": "made-open",
    "evidence": [{"kind": "narrative", "form": "facts", "text": "The guest hangs now and then."}],
    "truth": {"family": "unknown", "cause": None, "confidence": "unknown", "answerable_from_evidence": "no"},
}
MUTE = {**OPEN, "id": "made-mute", "evidence": [{"kind": "other", "form": "verbatim", "text": "zzz\n"}]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for case in (FULL, OPEN, MUTE):
        (tmp_path / f"{case['id']}.json").write_text(json.dumps(case))
    return tmp_path


def test_cases_are_judged_without_their_spoilers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "out.jsonl"
    assert corpus.main(["--cases", str(folder), "--json", str(out), "--verbose"]) == 0
    shown = capsys.readouterr().out
    assert "right * made-full" in shown
    assert "as told" in shown
    assert "triple" not in shown
    rows = {row["id"]: row for row in json.loads(out.read_text())}
    assert rows["made-full"]["cause"] == "enospc-paused"
    assert rows["made-open"]["family"] == rows["made-mute"]["family"] == "unknown"


def test_a_missed_aim_fails(folder: Path) -> None:
    wrong = {**FULL, "truth": {**FULL["truth"], "family": "firmware", "cause": "firmware-wait"}}  # type: ignore[dict-item]
    (folder / "made-full.json").write_text(json.dumps(wrong))
    assert corpus.main(["--cases", str(folder)]) == 1


def test_it_is_called_by_its_path_from_anywhere(folder: Path) -> None:
    done = subprocess.run(
        [ROOT / "bench" / "corpus", "--cases", "."],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "right * made-full" in done.stdout


def test_an_empty_folder_fails(tmp_path: Path) -> None:
    assert corpus.main(["--cases", str(tmp_path)]) == 1


def test_calibration_counts_what_was_right() -> None:
    said = [calibration.Said(0.95, right=True)] * 9 + [calibration.Said(0.95, right=False)]
    (row,) = calibration.reliability(said)
    assert (row.count, row.right) == (10, 9)
    assert calibration.brier(said) == pytest.approx(0.9 * 0.05**2 + 0.1 * 0.95**2)


def test_calibration_reads_verdicts_of_the_lab(tmp_path: Path) -> None:
    sure = [("healthy/healthy-idle", 0.9)] * 9 + [("healthy/healthy-busy", 0.6)]
    rows = [{"guest": "idle", "expected": "healthy/healthy-idle", "sure": sure}]
    path = tmp_path / "verdicts.json"
    path.write_text(json.dumps(rows))
    said = calibration.of_lab(path)
    assert sum(one.right for one in said) == 9
    assert len(said) == 10
