"""``crazytrain inside``: a real Linux guest of the lab, a guest without a kernel, and what it says where it cannot look."""

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from crazytrain import lab
from crazytrain.cli import app
from crazytrain.cli.completing import guest_names
from crazytrain.cli.inside import Graph
from crazytrain.cli.inside_looking import Wish, inside, judge, write_flame
from crazytrain.cli.screen import Progress
from crazytrain.derive.inside_view import inside_view
from crazytrain.lab.machine import kvm_trouble
from crazytrain.model.errors import BadInput, CrazytrainError, NoSuchGuest, NotAllowed
from crazytrain.model.facts.inside import FoundBy, Missing
from crazytrain.model.facts.inside_view import Clock, Pace
from crazytrain.model.guest import Accelerator
from crazytrain.model.inside_report import InsideReport
from crazytrain.model.report import GuestView
from tests.inside_made import a_profile, a_reading
from tests.support import skip_real
from tests.tiny import HALT, LONG, boot, need

PROGRAM = (sys.executable, "-m", "crazytrain")
LIMIT_S = 120.0
NAME = f"lab-inside-{os.getpid()}"


def silent(_line: str) -> None:
    """Hear nothing."""


@pytest.fixture(scope="module")
def busy() -> Iterator[lab.Running]:
    """The lab's Linux guest with a process that computes; none outlives the tests."""
    if os.geteuid() != 0:
        skip_real("not root: another process's memory is out of reach")
    kind = lab.find_guest("busy")
    if kind.needs_kvm and (trouble := kvm_trouble()):
        skip_real(trouble)
    cache = os.environ.get("CRAZYTRAIN_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "crazytrain", "lab")
    with tempfile.TemporaryDirectory(prefix="ct-in-") as folder:
        try:
            yield lab.start(
                "busy",
                state_dir=Path(folder),
                cache_dir=Path(cache) if cache else base,
                tell=silent,
                wish=lab.Wish(name=NAME.removeprefix("lab-")),
            )
        finally:
            lab.stop_all(state_dir=Path(folder), tell=silent)


def call(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        (*PROGRAM, "inside", *arguments), capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def reported(*arguments: str) -> InsideReport:
    """Decoding it is the check against the schema, which is made from the same structs."""
    return msgspec.json.decode(call(*arguments, "--json").stdout, type=InsideReport)


@pytest.mark.real
def test_a_linux_guest_from_inside(busy: lab.Running) -> None:
    report = reported(NAME, "--for", "3", "--dmesg", "0")
    assert report.guest.pid == busy.pid
    assert report.first is not None
    assert report.last is not None
    kernel, view = report.first.kernel, report.view
    assert kernel is not None
    assert kernel.found_by in (FoundBy.PAGE_TABLE, FoundBy.VMCOREINFO)
    assert kernel.release
    assert view is not None
    monotonic = view.clock(Clock.MONOTONIC)
    assert monotonic is not None
    assert monotonic.pace in (Pace.MOVES, Pace.SLOW, Pace.FAST)
    assert monotonic.ratio is not None
    assert [task.comm for task in report.last.tasks if task.pid == 1] == ["init"]
    # Its program computes for 37 % of the time: it is the busiest task, and was seen on a CPU about so often.
    top = view.tasks[0]
    assert top.comm == "busy"
    assert top.seen is not None
    assert top.cpu_ratio is not None
    # A guest that measured its TSC while the host was busy has a wrong clock, and accounts by it.
    if 0.9 < monotonic.ratio < 1.1:
        assert top.seen.low - 0.15 <= top.cpu_ratio <= top.seen.high + 0.15
    assert view.samples >= 3
    assert view.stacks
    assert report.log is not None
    assert any("Linux version" in record.text for record in report.log.records)
    assert report.profile is not None
    assert report.profile.paused_ns == 0


@pytest.mark.real
def test_what_a_person_sees_and_how_much_of_the_log(busy: lab.Running) -> None:
    told = call(str(busy.pid), "--for", "1", "--dmesg", "3", "--tasks").stdout
    for word in (
        NAME,
        "  kernel     Linux ",
        "  up  ",
        "CPUs, over",
        "Tasks, over",
        "Where its vCPUs were",
        "All tasks",
    ):
        assert word in told
    log = told.partition("The guest's kernel log\n")[2].partition("\n\n")[0].splitlines()
    assert log[0] == "  (the last 3 records)"
    assert len([line for line in log if line.startswith("  [")]) == 3
    assert "\x1b" not in told


@pytest.mark.real
def test_an_instant_without_a_monitor_and_without_cache(busy: lab.Running) -> None:
    report = reported(NAME, "--for", "0", "--no-monitor", "--no-cache")
    assert busy.pid == report.guest.pid
    assert report.first is not None
    assert report.first.kernel is not None
    assert not report.first.kernel.cached
    assert report.first.tasks
    assert (report.last, report.profile) == (None, None)


@pytest.mark.real
def test_a_flame_graph_of_a_real_guest(busy: lab.Running, tmp_path: Path) -> None:
    out = tmp_path / "guest.html"
    told = call(str(busy.pid), "--for", "1", "--flame", str(out))
    page = out.read_text()
    assert page.startswith("<!doctype html>")
    assert f"{NAME}, inside" in page
    assert "Linux 6." in page
    assert 'class="f"' in page
    assert f"flame graph: {out}" in told.stderr


@pytest.mark.parametrize(
    ("name", "form", "begins"),
    [
        ("a.HTML", None, "<!doctype html>"),
        ("a.json", None, "{"),
        ("a.txt", None, "CPU 0;kernel;sh 88"),
        ("a.json", Graph.COLLAPSED, "CPU 0;kernel;sh 88"),
    ],
)
def test_the_name_of_the_file_says_what_is_written(tmp_path: Path, name: str, form: Graph | None, begins: str) -> None:
    out = tmp_path / name
    write_flame(a_report(), Wish(wanted="x", flame=out, form=form), Progress(quiet=True))
    assert out.read_text().startswith(begins)


def test_a_flame_graph_of_nothing_says_why(tmp_path: Path) -> None:
    report = msgspec.structs.replace(a_report(), view=None, missing=(Missing("registers", "the monitor is busy"),))
    wish = Wish(wanted="x", flame=tmp_path / "a.html")
    with pytest.raises(BadInput, match="the monitor is busy"):
        write_flame(report, wish, Progress(quiet=True))
    with pytest.raises(NotAllowed, match="cannot be written"):
        write_flame(a_report(), Wish(wanted="x", flame=tmp_path / "no" / "a.html"), Progress(quiet=True))


def a_report() -> InsideReport:
    first, last, profile = a_reading(), a_reading(2.0), a_profile()
    view = inside_view(first, last, profile)
    return InsideReport(
        tool="", guest=GuestView(name="web01"), at="", view=view, first=first, last=last, profile=profile
    )


@pytest.mark.real
def test_watching_prints_a_line_of_json_each_time_until_it_is_interrupted(busy: lab.Running) -> None:
    argv = (*PROGRAM, "inside", str(busy.pid), "--watch", "--for", "0.5", "--json")
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    looks = [msgspec.json.decode(line, type=InsideReport) for line in lines]
    assert looks[0].last is None
    second, third = looks[1], looks[2]
    assert third.first is not None
    assert second.last is not None
    assert third.first.mono_ns == second.last.mono_ns  # no time between two windows is lost


@pytest.mark.real
def test_a_screen_that_is_left_with_q(busy: lab.Running) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
    argv = (*PROGRAM, "inside", str(busy.pid), "--watch", "--for", "0.5")
    process = subprocess.Popen(
        argv, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    try:
        seen = read_until(ours, b"CPUs")
        os.write(ours, b"q")
        seen += read_until(ours, None)
        assert process.wait(timeout=LIMIT_S) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert b"\x1b[?1049h" in seen  # the other screen, and back
    assert b"\x1b[?1049l" in seen
    assert b"Traceback" not in seen


def read_until(terminal: int, word: bytes | None) -> bytes:
    """What a terminal shows until a word comes, or until nobody writes to it any more."""
    seen, limit = b"", time.monotonic() + LIMIT_S
    while time.monotonic() < limit and (word is None or word not in seen):
        if select.select([terminal], [], [], 1.0)[0]:
            with contextlib.suppress(OSError):  # EIO: the other side has gone
                part = os.read(terminal, 1 << 16)
                seen += part
                if part:
                    continue
            return seen
    assert word is None or word in seen, seen
    return seen


@pytest.mark.real
@pytest.mark.parametrize(("code", "mode"), [(HALT, "real mode"), (LONG, "long mode")])
def test_a_guest_without_a_kernel_shows_how_its_registers_stand(code: str, mode: str) -> None:
    if os.geteuid() != 0:
        skip_real("not root: another process's memory is out of reach")
    need(Accelerator.TCG)
    with boot(code) as tiny:
        told = call(str(tiny.process), "--for", "0").stdout
    assert f"vCPU 0: {mode}" in told
    assert "Not read" in told
    assert "Linux" not in told.partition("Not read")[0]


def test_what_does_not_go_together_is_said() -> None:
    for wish, word in (
        (Wish(wanted="x", flame=Path("a"), seconds=0), "--flame needs a window"),
        (Wish(wanted="x", flame=Path("a"), watch=True), "--flame needs a window"),
        (Wish(wanted="x", form=Graph.HTML), "--format"),
        (Wish(wanted="x", may_pause_ms=5, monitor=False), "--may-pause"),
    ):
        with pytest.raises(BadInput, match=word):
            inside(wish)


@pytest.mark.real
def test_the_shell_completes_names_of_guests(busy: lab.Running) -> None:
    assert guest_names(NAME[:-1]) == [NAME], busy
    assert guest_names("no-such-guest-anywhere") == []


def test_no_such_guest() -> None:
    with pytest.raises(NoSuchGuest):
        inside(Wish(wanted="no-such-guest-anywhere"), quiet=True)


@pytest.mark.parametrize(
    ("why", "error"),
    [("reading the guest's memory needs CAP_SYS_PTRACE (be root)", NotAllowed), ("no RAM was found", CrazytrainError)],
)
def test_where_nothing_could_be_read_the_exit_code_says_so(why: str, error: type[CrazytrainError]) -> None:
    report = InsideReport(tool="", guest=GuestView(name="x"), at="", missing=(Missing("memory", why),))
    with pytest.raises(error, match=r"RAM|root") as raised:
        judge(report)
    assert type(raised.value) is error


def test_the_help_shows_options_examples_and_exit_codes() -> None:
    told = CliRunner().invoke(app, ["inside", "--help"]).stdout
    for word in ("--watch", "--flame", "--may-pause", "--dmesg", "--no-monitor", "--shell", "Exit codes", "Examples"):
        assert word in told
