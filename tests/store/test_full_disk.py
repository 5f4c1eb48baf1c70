"""A disk that is really full."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from crazytrain.model.evidence import Evidence, Kind, Outcome
from crazytrain.store import listing, load, open_case, verify
from tests.store.samples import WINDOW, guest, unfinished
from tests.support import skip_real

pytestmark = pytest.mark.real


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", str(request.param), "tmpfs", str(place)]
    done = subprocess.run(mount, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        skip_real(f"no tmpfs can be mounted: {done.stderr.strip()}")
    yield place
    busy = subprocess.run(["umount", str(place)], check=False, capture_output=True, text=True)
    if busy.returncode != 0:  # something still holds a file: told as a failure, but no mount is left behind
        subprocess.run(["umount", "--lazy", str(place)], check=True)
        pytest.fail(busy.stderr)


@pytest.mark.parametrize("small_disk", ["size=256k"], indirect=True)
def test_evidence_stays_in_memory_and_the_case_says_that_it_is_incomplete(small_disk: Path) -> None:
    writer = open_case(small_disk, guest(), WINDOW)
    seen = [Evidence(id=f"qmp.{n}", kind=Kind.QMP, source="qmp", data=os.urandom(20_000)) for n in range(30)]
    for one in seen:
        writer.keep(one)
    assert not writer.finish(b"{}", "report")
    assert "No space left on device" in writer.problems[0]
    assert writer.case.evidence == tuple(seen)
    assert not writer.case.complete

    case = load(writer.path)
    assert not case.complete
    kept = [one for one in case.evidence if one.outcome is Outcome.OK]
    assert kept == [one for one in seen if one.id in {each.id for each in kept}]
    assert len(kept) >= 5
    lost = [one for one in case.evidence if one.outcome is not Outcome.OK]
    assert all("20000 bytes were seen, but not kept: No space left on device" in one.detail for one in lost)
    assert not any(problem.broken for problem in verify(writer.path))


@pytest.mark.parametrize("small_disk", ["size=1m,nr_inodes=12"], indirect=True)
def test_no_inodes_left(small_disk: Path) -> None:
    writer = unfinished(small_disk / "cases")
    assert not writer.finish(b"{}", "report")
    assert "No space left on device" in writer.problems[0]
    assert not load(writer.path).complete


@pytest.mark.parametrize("small_disk", ["size=4k"], indirect=True)
def test_full_from_the_start(small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(b"x" * 4096)
    writer = unfinished(small_disk)
    assert not writer.finish(b"{}", "report")
    assert "No space left on device" in writer.problems[0]
    assert [line for line in listing(small_disk) if not line.problem] == []


@pytest.mark.parametrize("small_disk", ["size=1m,ro"], indirect=True)
def test_a_disk_that_may_not_be_written(small_disk: Path) -> None:
    writer = unfinished(small_disk / "cases")
    assert not writer.finish(b"{}", "report")
    assert "Read-only file system" in writer.problems[0]
