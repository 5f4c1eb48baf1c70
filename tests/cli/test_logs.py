"""``crazytrain logs`` as people use it: files of all sorts, standard input, cases; what comes out can be trusted and does no harm."""

import bz2
import gzip
import json
import lzma
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crazytrain.cli import log_showing
from crazytrain.cli.log_showing import Wish
from crazytrain.cli.log_sources import inputs_of
from crazytrain.model.errors import BadInput, CrazytrainError, NoSuchCase
from crazytrain.model.log_view import LogView
from tests.logs_asked import LIMIT_S, raw, run, shown, view
from tests.logs_made import BEGIN_S, PLANTED, flood_log, renewals

LOG = flood_log(3000, PLANTED)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "syslog"
    path.write_bytes(LOG)
    return path


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(LOG),
        bz2.compress(LOG),
        lzma.compress(LOG),
        zstandard.compress(LOG),
        LOG,
        LOG.replace(b"\n", b"\r\n"),
    ],
    ids=["gz", "bz2", "xz", "zst", "plain", "CRLF"],
)
def test_packed_or_not_it_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str], packed: bytes) -> None:
    path = tmp_path / "log"
    path.write_bytes(packed)
    found = view(capsys, sources=[str(path)])
    assert found.lines == 3000
    assert (
        sum(flood.lines for flood in found.floods) + found.other_lines + found.rare_lines + found.matter_lines == 3000
    )
    assert found.matters


def test_a_file_that_is_cut_off_gives_what_there_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(LOG)[:-4000])
    found = view(capsys, sources=[str(path)])
    assert 0 < found.lines < 3000
    assert "cut off" in found.sources[0].problem


def test_standard_input_is_a_log_too() -> None:
    done = run("-", data=LOG)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"standard input: 3,000 lines")
    assert b"soft lockup" in done.stdout


def test_rotated_files_are_read_in_the_order_in_which_they_were_written(tmp_path: Path) -> None:
    names = (
        "syslog",
        "syslog.1",
        "syslog.2.gz",
        "syslog.10.gz",
        "other.log",
        "messages-20261101",
        "messages-20261108.gz",
        "messages",
    )
    for name in names:
        (tmp_path / name).write_bytes(b"")
    given_order = [Path(one.name).name for one in inputs_of([tmp_path / name for name in names], rotated=False)]
    assert given_order == [
        "syslog.10.gz", "syslog.2.gz", "syslog.1", "syslog", "other.log", "messages-20261101", "messages-20261108.gz", "messages",
    ]  # fmt: skip
    found = [Path(one.name).name for one in inputs_of([tmp_path / "syslog"], rotated=True)]
    assert found == ["syslog.10.gz", "syslog.2.gz", "syslog.1", "syslog"]


def test_what_was_rotated_is_one_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = renewals(300).splitlines(keepends=True)
    (tmp_path / "syslog.2.gz").write_bytes(gzip.compress(b"".join(lines[:200])))
    (tmp_path / "syslog.1").write_bytes(b"".join(lines[200:400]))
    (tmp_path / "syslog").write_bytes(b"".join(lines[400:]))
    (flood,) = view(capsys, sources=[str(tmp_path / "syslog")], rotated=True).floods
    assert flood.lines == 600
    assert flood.dhcp is not None
    assert flood.dhcp.every_s == 60


def test_all_templates_together_are_the_whole_log(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    log, data = tmp_path / "log", flood_log(400, PLANTED)
    log.write_bytes(data)
    log_showing.show(Wish(sources=(str(log),), top=0, as_json=True, zone="UTC"), quiet=True)
    sys.stdout.flush()
    found = msgspec.json.decode(capfdbinary.readouterr().out, type=LogView)
    floods = {name: flood for flood in found.floods for name in flood.templates}
    names = sorted({*floods, *(one.template for one in found.shown)})
    pieces = [raw(capfdbinary, name, sources=[str(log)]) for name in names]
    assert sorted(line for piece in pieces for line in piece.splitlines(keepends=True)) == sorted(
        data.splitlines(keepends=True)
    )
    assert raw(capfdbinary, "+".join(names), sources=[str(log)]) == data


LINE = st.one_of(
    st.binary(max_size=40), st.sampled_from([b"Nov 23 06:45:01 h p[1]: x", b"[  1.0] a b", b"a b c", b"\r", b"\0"])
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(LINE, max_size=40), end=st.sampled_from([b"", b"\n"]))
def test_whatever_it_holds_every_byte_comes_back(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], lines: list[bytes], end: bytes
) -> None:
    data = b"begin\n" + b"\n".join(line.replace(b"\n", b" ") for line in lines) + end
    path = tmp_path / "any"
    path.write_bytes(data)
    capfdbinary.readouterr()
    log_showing.show(Wish(sources=(str(path),), top=0, as_json=True, zone="UTC"), quiet=True)
    sys.stdout.flush()
    found = msgspec.json.decode(capfdbinary.readouterr().out, type=LogView)
    names = {*(name for flood in found.floods for name in flood.templates), *(one.template for one in found.shown)}
    assert raw(capfdbinary, *sorted(names), sources=[str(path)]) == data


def test_a_line_of_megabytes_comes_back(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    data = b"a: x\n" + b"long " + bytes(97 + number % 26 for number in range(3 << 20)) + b"\nb: y\n"
    path = tmp_path / "long"
    path.write_bytes(data)
    log_showing.show(Wish(sources=(str(path),), as_json=True), quiet=True)
    sys.stdout.flush()
    found = msgspec.json.decode(capfdbinary.readouterr().out, type=LogView)
    assert found.lines == 3
    assert any("longer than 1 MiB" in note for note in found.notes)
    assert raw(capfdbinary, *(one.template for one in found.shown), sources=[str(path)]) == data


def test_standard_input_comes_back_too() -> None:
    done = run("-", "--raw", "T1", "--bytes", data=b"a b\nc d e\na b\n")
    assert (done.returncode, done.stdout) == (0, b"a b\na b\n")


def test_raw_lines_are_escaped_unless_bytes_are_asked_for() -> None:
    done = run("-", "--raw", "T1", data=b"a \x1b[2J\xe2\x80\xae\n")
    assert done.stdout == b"a \\x1b[2J\\u202e\n"


def test_a_terminal_gets_no_bytes(log: Path) -> None:
    ours, theirs = pty.openpty()
    command = (sys.executable, "-m", "crazytrain", "logs", str(log), "--raw", "T1", "--bytes")
    done = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, check=False, timeout=LIMIT_S)
    os.close(theirs)
    os.close(ours)
    assert done.returncode == 65
    assert b"a terminal would obey" in done.stderr


def test_escape_sequences_stay_harmless(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "console.log"
    path.write_bytes(b"[    1.000000] evil \x1b]0;x\x07\x1b[2J\xe2\x80\xae\r\n\x9b31mred\n")
    text = shown(capsys, sources=[str(path)])
    assert text.replace("\n", "").isprintable()
    assert "\\x1b" in text


def test_two_bytes_a_character(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        path = tmp_path / "log"
        path.write_bytes(LOG.decode().encode(encoding))
        found = view(capsys, sources=[str(path)])
        assert found.lines == 3000
        assert "UTF-16" in found.sources[0].problem


def test_bytes_of_chance_are_counted_as_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log"
    path.write_bytes(renewals(20) + os.urandom(200_000) + b"\n" + renewals(20))
    found = view(capsys, sources=[str(path)])
    assert any("no text" in note for note in found.notes)
    assert any(flood.dhcp for flood in found.floods)


def test_a_journal_file_of_systemd_is_refused_with_the_next_step(tmp_path: Path) -> None:
    path = tmp_path / "system.journal"
    path.write_bytes(b"LPKSHHRH" + bytes(1000))
    with pytest.raises(BadInput, match="only journalctl reads") as caught:
        log_showing.show(Wish(sources=(str(path),)), quiet=True)
    assert "-o export | crazytrain logs -" in caught.value.hint


def journal(count: int) -> Iterator[dict[str, str]]:
    for number in range(count):
        message = "DHCPREQUEST for 10.0.0.5 on eth0 to 10.0.0.1 port 67" if number % 100 else "odd\nin two lines"
        yield {
            "__CURSOR": f"s=1;i={number}",
            "__REALTIME_TIMESTAMP": str((BEGIN_S + 60 * number) * 10**6),
            "_HOSTNAME": "web01",
            "SYSLOG_IDENTIFIER": "dhclient",
            "_PID": "612",
            "MESSAGE": message,
        }


@pytest.mark.parametrize("form", ["json", "export"])
def test_journals(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], form: str) -> None:
    rows = list(journal(200))
    if form == "json":
        data = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    else:
        data = b"".join(_exported(row) for row in rows)
    path = tmp_path / "journal"
    path.write_bytes(data)
    log_showing.show(Wish(sources=(str(path),), top=0, as_json=True, zone="UTC"), quiet=True)
    sys.stdout.flush()
    found = msgspec.json.decode(capfdbinary.readouterr().out, type=LogView)
    (flood,) = found.floods
    assert (found.lines, flood.lines, found.sources[0].form) == (
        200,
        198,
        f"journal {'JSON' if form == 'json' else 'export'}",
    )
    assert found.first == "2026-09-21 14:13:20+00:00"
    names = {*flood.templates, *(one.template for one in found.shown)}
    assert raw(capfdbinary, *sorted(names), sources=[str(path)]) == data


def _exported(row: dict[str, str]) -> bytes:
    message = row["MESSAGE"].encode()
    known = "".join(f"{name}={value}\n" for name, value in row.items() if name != "MESSAGE").encode()
    return known + b"MESSAGE\n" + len(message).to_bytes(8, "little") + message + b"\n\n"


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        ({"sources": ["/nowhere/at/all"]}, BadInput),
        ({"sources": ["nowhere-20260101T000000Z"]}, NoSuchCase),
        ({"sources": ["-", "x"]}, BadInput),
        ({"sources": ["guest:a", "x"]}, BadInput),
        ({"sources": ["LOG"], "around": "yesterday"}, BadInput),
        ({"sources": ["LOG"], "around": "25:00"}, BadInput),
        ({"sources": ["LOG"], "within": "long"}, BadInput),
        ({"sources": ["LOG"], "zone": "Nowhere/Town"}, BadInput),
        ({"sources": ["LOG"], "raw": ["seven"]}, BadInput),
        ({"sources": ["LOG"], "raw": ["T99999"]}, BadInput),
        ({"sources": ["LOG"], "as_bytes": True}, BadInput),
        ({"sources": ["LOG"], "incident": "nowhere-20260101T000000Z"}, NoSuchCase),
        ({"sources": ["."]}, BadInput),
    ],
)
def test_wrong_use_is_told_with_the_next_step(log: Path, wish: dict[str, object], error: type[CrazytrainError]) -> None:
    known = {**wish, "sources": [str(log) if one == "LOG" else one for one in wish["sources"]]}  # type: ignore[attr-defined]
    with pytest.raises(error) as caught:
        log_showing.show(msgspec.convert(known, Wish), quiet=True)
    assert caught.value.message
    assert caught.value.exit_code in (65, 66)


def test_nothing_at_all_is_said_to_be_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "empty"
    path.write_bytes(b"")
    assert "0 lines" in shown(capsys, sources=[str(path)])


def test_ctrl_c_shows_what_was_counted_until_then(log: Path) -> None:
    command = (sys.executable, "-m", "crazytrain", "logs", "-", "--zone", "UTC")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(log.read_bytes() * 8)  # more than a block, and then silence
        process.stdin.flush()
        _until_it_waits(process.pid)
        process.send_signal(signal.SIGINT)
        out = process.stdout.read()
        process.wait(LIMIT_S)
    assert process.returncode == 130
    assert b"stopped before its end" in out
    assert b"DHCPACK" in out


def _until_it_waits(pid: int) -> None:
    """Until it sleeps in read(2) of the pipe that nothing is left in."""
    end_s = time.monotonic() + LIMIT_S
    while time.monotonic() < end_s:
        state = Path(f"/proc/{pid}/syscall").read_text().split()
        if state[:2] == ["0", "0x0"]:
            return
        time.sleep(0.02)
    pytest.fail("it never waited for more")


def test_help_is_a_page_of_its_own() -> None:
    done = run("--help")
    for word in (b"--around", b"--raw", b"--incident", b"guest:NAME", b"Exit codes", b"Examples"):
        assert word in done.stdout
