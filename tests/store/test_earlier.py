"""The last healthy case of the same guest: by uuid, else by name; whole, long enough, and judged healthy."""

from pathlib import Path

import msgspec
import pytest

from crazytrain.model.case import Window
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.guest import Guest, ProcessId
from crazytrain.store import last_healthy, open_case

SECOND_NS = 1_000_000_000
WEB = Guest(process=ProcessId(pid=7, start_ticks=70), name="web01")
NAMED = msgspec.structs.replace(WEB, uuid="0b7c5f6e-1111-4222-8333-944455556666")


def keep(
    root: Path, guest: Guest, hour: int, family: str = "healthy", *, seconds: float = 3.0, confidence: float = 0.9
) -> Path:
    """A case of that hour, sealed with its verdict; an empty family leaves it unsealed."""
    wall_ns = (1_331_300_000 + hour * 3600) * SECOND_NS
    window = Window(wall_ns=wall_ns, start_ns=0, end_ns=int(seconds * SECOND_NS))
    verdict = {"verdict": {"family": family, "cause": f"{family}-idle", "confidence": confidence, "headline": "x"}}
    with open_case(root, guest, window) as writer:
        writer.keep(Evidence(id="tasks.0", kind=Kind.TASKS, source="made", data=b"x\n", mono_ns=1, wall_ns=wall_ns))
        writer.ended(window)
        if family:
            writer.finish(msgspec.json.encode(verdict), "text\n")
    return writer.path


def test_the_newest_healthy_one(tmp_path: Path) -> None:
    keep(tmp_path, WEB, 1)
    second = keep(tmp_path, WEB, 2)
    keep(tmp_path, WEB, 3, "timer-storm")
    found = last_healthy(tmp_path, WEB)
    assert found is not None
    assert (found.path, found.cause) == (second, "healthy-idle")


def test_another_guest_is_not_it(tmp_path: Path) -> None:
    keep(tmp_path, msgspec.structs.replace(WEB, name="web02"), 1)
    assert last_healthy(tmp_path, WEB) is None


def test_a_uuid_counts_more_than_a_name(tmp_path: Path) -> None:
    renamed = keep(tmp_path, msgspec.structs.replace(NAMED, name="old-name"), 1)
    keep(tmp_path, msgspec.structs.replace(WEB, uuid="ffffffff-1111-4222-8333-944455556666"), 2)
    keep(tmp_path, WEB, 3)
    found = last_healthy(tmp_path, NAMED)
    assert found is not None
    assert found.path == renamed


@pytest.mark.parametrize("told", [{"family": ""}, {"seconds": 0.3}, {"confidence": 0.3}])
def test_what_is_cut_off_or_short_or_unsure_is_no_measure(tmp_path: Path, told: dict[str, object]) -> None:
    keep(tmp_path, WEB, 1, **told)  # type: ignore[arg-type]
    assert last_healthy(tmp_path, WEB) is None


def test_what_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    good = keep(tmp_path, WEB, 1)
    for hour, harm in ((2, b""), (3, b"\xff\x00{"), (4, b'{"verdict": 3}')):
        (keep(tmp_path, WEB, hour) / "report.json").write_bytes(harm)
    (keep(tmp_path, WEB, 5) / "journal.jsonl").write_bytes(b"nothing\n")
    found = last_healthy(tmp_path, WEB)
    assert found is not None
    assert found.path == good
    assert last_healthy(tmp_path / "nothing", WEB) is None
