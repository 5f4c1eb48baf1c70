"""`crazytrain logs` and time: around a moment, around an incident, and what a case holds."""

from pathlib import Path

import pytest

from crazytrain.cli.cases import the_root
from crazytrain.cli.log_times import length_s, moment, zone_of
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.store import open_case
from tests.logs_asked import run, shown, view
from tests.logs_made import BEGIN_S, PLANTED, flood_log, stamp
from tests.store.samples import WINDOW, guest

LOG = flood_log(3000, PLANTED)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "syslog"
    path.write_bytes(LOG)
    return path


def test_around_a_time(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = view(capsys, sources=[str(log)], around="2026-09-21 14:20", within="2m")
    assert found.around is not None
    assert found.around.from_time == "2026-09-21 14:18:00+00:00"
    assert 0 < found.around.lines < 1000
    assert view(capsys, sources=[str(log)], around="14:20", within="2m").around == found.around
    assert view(capsys, sources=[str(log)], around="Sep 21 14:20", within="2m").around == found.around


def test_a_time_of_day_is_the_last_one_in_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log"
    path.write_bytes("".join(f"{stamp(BEGIN_S + 3600 * hour)} h a: x\n" for hour in range(72)).encode())
    found = view(capsys, sources=[str(path)], around="13:13")
    assert found.around is not None
    assert found.around.from_time.startswith("2026-09-24 13:08")
    found = view(capsys, sources=[str(path)], around="20:00")
    assert found.around is not None
    assert found.around.from_time.startswith("2026-09-23 19:55")


def test_standard_input_around_a_time() -> None:
    done = run("-", "--around", "14:20", data=LOG)
    assert done.returncode == 0, done.stderr
    assert b"around: 2026-09-21 14:15:00" in done.stdout


def test_around_seconds_since_the_boot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "dmesg"
    path.write_bytes(b"".join(b"[%5d.000000] usb %d: x\n" % (second, second) for second in range(0, 5000, 10)))
    found = view(capsys, sources=[str(path)], around="1000", within="30s")
    assert found.around is not None
    assert (found.around.from_time, found.around.lines) == ("+970 s", 7)
    with pytest.raises(BadInput, match="counts from the boot"):
        view(capsys, sources=[str(path)], around="13:33")


def test_since_and_until_leave_lines_out(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = view(capsys, sources=[str(log)], since="14:20", until="14:30")
    assert found.outside > 0
    assert (
        sum(flood.lines for flood in found.floods) + found.other_lines + found.rare_lines + found.matter_lines
        == 3000 - found.outside
    )


def test_a_clock_that_is_ahead_is_moved_back(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = view(capsys, sources=[str(log)], offset_s=3600.0)
    assert found.first.startswith("2026-09-21 13:13")
    assert "moved by -3600 s" in found.clock


def test_the_network_of_a_bridge(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "on network lan" in shown(capsys, sources=[str(log)], network="lan")


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("CRAZYTRAIN_STATE", str(tmp_path / "state"))
    writer = open_case(the_root(None), guest(), WINDOW, "")
    console = b"".join(b"[%5d.000000] usb %d: reset\n" % (second, second) for second in range(300))
    console += b"[  301.000000] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [sh:71]\n"
    writer.keep(Evidence(id="console.0", kind=Kind.CONSOLE, source="x", data=console, wall_ns=WINDOW.wall_ns))
    writer.keep(Evidence(id="qemu-log.0", kind=Kind.QEMU_LOG, source="y", data=b"a warning\n", wall_ns=WINDOW.wall_ns))
    writer.finish(b"{}", "")
    return writer.path.name


def test_what_a_case_holds_of_the_guests_words(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = view(capsys, sources=[case])
    assert [one.name for one in found.sources] == ["console.0"]
    assert found.matters == (("soft lockup", 1),)
    assert any("qemu-log.0" in note for note in found.notes)
    assert [one.name for one in view(capsys, sources=[f"{case}:qemu-log.0"]).sources] == ["qemu-log.0"]
    with pytest.raises(BadInput, match="no such log in this case"):
        view(capsys, sources=[f"{case}:nothing"])


def test_the_time_of_a_case_in_another_log(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begin_s = WINDOW.wall_ns // 10**9
    path = tmp_path / "syslog"
    path.write_bytes("".join(f"{stamp(begin_s - 3600 + 60 * minute)} h a: x\n" for minute in range(120)).encode())
    found = view(capsys, sources=[str(path)], incident=case, within="10m")
    assert found.around is not None
    assert found.around.lines == 20


def test_times_as_people_write_them() -> None:
    assert moment("13:33").clock_s == 48_780
    assert moment("2026-11-23T13:33:20Z").year == 2026
    assert moment("nov 3 1:02").day == (11, 3)
    assert moment("+1234.5").since_boot_s == 1234.5
    assert [length_s(one) for one in ("30s", "5", "5 min", "2h", "1d")] == [30, 300, 300, 7200, 86_400]
    assert str(zone_of("+02:00")) == "UTC+02:00"
    assert zone_of("local") is None
    with pytest.raises(BadInput):
        moment("2026-02-31")
