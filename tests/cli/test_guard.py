"""Guard: the command runs with its own exit code, streams and signals, whatever became of the capture."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from crazytrain.store import cases_root, listing
from tests.support import skip_real

RUN = "import json, sys; from crazytrain.cli.guarding import run; run(*json.loads(sys.argv[1]))"
QUICK = ("true",)
LONG_S = 60.0


def argv_of(command: Sequence[str], capture: Sequence[str] = QUICK, limit_s: float = LONG_S) -> list[str]:
    """A guard whose capture is any program."""
    return [sys.executable, "-c", RUN, json.dumps([command, capture, limit_s])]


def guarded(
    command: Sequence[str], capture: Sequence[str] = QUICK, limit_s: float = LONG_S, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        argv_of(command, capture, limit_s), input=stdin, capture_output=True, timeout=120, check=False
    )


def python(text: str) -> tuple[str, ...]:
    return (sys.executable, "-c", text)


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something, with a generous limit."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def runs(pid: int) -> bool:
    """Whether a process runs; one that only waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def noting_pid(path: Path, then: str) -> tuple[str, ...]:
    """A capture that writes its pid, whole or not at all, and goes on."""
    note = f"import os, signal, time; open({str(path)!r} + '.new', 'w').write(str(os.getpid()))"
    return python(f"{note}; os.rename({str(path)!r} + '.new', {str(path)!r}); {then}")


HANGS = "time.sleep(1000)"
HANGS_DEAF = (
    "signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)"
)


@pytest.mark.parametrize("code", [0, 3, 127, 255])
def test_the_exit_code_is_the_commands(code: int) -> None:
    assert guarded(["sh", "-c", f"exit {code}"]).returncode == code


def test_a_command_killed_by_a_signal_is_seen_as_that() -> None:
    assert guarded(["sh", "-c", "kill -9 $$"]).returncode == -signal.SIGKILL
    assert guarded(["sh", "-c", "kill -TERM $$"]).returncode == -signal.SIGTERM


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (python("raise SystemExit(1)"), b"the capture failed (exit status 1)"),
        (("sh", "-c", "kill -9 $$"), b"the capture failed (killed by signal 9)"),
        (("/nowhere/capture",), b"the capture could not start: No such file or directory"),
        (("/",), b"the capture could not start: Permission denied"),
    ],
)
def test_a_capture_that_crashes_or_cannot_start_does_not_matter(status: Sequence[str], said: bytes) -> None:
    done = guarded(["sh", "-c", "echo ran; exit 7"], status)
    assert (done.returncode, done.stdout) == (7, b"ran\n")
    assert said in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_capture_that_ends_well_says_no_more() -> None:
    assert guarded(["true"]).stderr == b""


@pytest.mark.parametrize("how", [HANGS, HANGS_DEAF])
def test_a_capture_that_hangs_is_ended_in_time(tmp_path: Path, how: str) -> None:
    begin = time.monotonic()
    done = guarded(["sh", "-c", "echo ran; exit 7"], noting_pid(tmp_path / "pid", how), 1.5)
    assert (done.returncode, done.stdout) == (7, b"ran\n")
    assert 1.5 <= time.monotonic() - begin < 30
    assert b"did not end within 1.5 s" in done.stderr
    assert not runs(int((tmp_path / "pid").read_text()))


def test_output_is_the_commands_alone() -> None:
    noisy = python("print('from the capture', flush=True); import os; os.write(2, b'told\\n')")
    done = guarded(["echo", "mine"], noisy)
    assert (done.stdout, done.stderr) == (b"mine\n", b"told\n")


def test_input_is_the_commands_alone() -> None:
    greedy = python("import sys; sys.exit(len(sys.stdin.read()))")
    done = guarded(["cat"], greedy, stdin=b"for the command\n" * 10_000)
    assert (done.stdout, done.stderr) == (b"for the command\n" * 10_000, b"")


def test_the_command_gets_the_process_of_the_guard() -> None:
    with subprocess.Popen(argv_of(["sh", "-c", "echo $$"]), stdout=subprocess.PIPE) as running:
        assert running.communicate(timeout=120)[0] == b"%d\n" % running.pid


@pytest.mark.parametrize(
    "command",
    [
        ["grep", "-E", "^Sig(Ign|Blk|Cgt)|^NoNewPrivs|^Cap", "/proc/self/status"],
        ["sh", "-c", "ls -l /proc/self/fd | grep -c ."],
        ["sh", "-c", "wc -w </proc/$$/task/$$/children"],
        ["sort", "-z", "/proc/self/environ"],
        ["sh", "-c", "umask; pwd; ulimit -a"],
    ],
)
@pytest.mark.parametrize("locale", ["C", "C.UTF-8", None])
def test_the_command_finds_all_as_it_would_without_a_guard(command: list[str], locale: str | None) -> None:
    env = {key: os.environ[key] for key in ("PATH", "PYTHONPATH", "HOME") if key in os.environ}
    if locale:
        env["LANG"] = locale
    alone = subprocess.run(command, env=env, capture_output=True, timeout=60, check=True)
    beside = subprocess.run(argv_of(command), env=env, capture_output=True, timeout=60, check=True)
    assert beside.stdout == alone.stdout
    assert beside.stdout


def test_words_that_are_no_text_arrive_unchanged() -> None:
    call = "from crazytrain.cli.guarding import run; import sys; run(sys.argv[1:], ['true'], 60)"
    odd = b"caf\xe9 \xff*$x\n"
    done = subprocess.run(
        [sys.executable, "-c", call, "printf", "%s", odd],
        capture_output=True,
        timeout=60,
        check=True,
        env={**os.environ, "LC_ALL": "C"},
    )
    assert done.stdout == odd


def test_a_script_without_a_first_line_runs_as_in_a_shell(tmp_path: Path) -> None:
    script = tmp_path / "restart"
    script.write_text('echo "$1"\n')
    script.chmod(0o755)
    assert guarded([str(script), "web01"]).stdout == b"web01\n"


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("no-such-command-anywhere", 127, "no-such-command-anywhere: command not found"),
        ("/nowhere/at/all", 127, "/nowhere/at/all: command not found"),
        ("", 127, "command not found"),
        ("plain", 126, "plain cannot be run: not executable"),
        (".", 126, "cannot be run: a folder"),
        ("a\x1b[31mb", 127, "a\\x1b[31mb: command not found"),
    ],
)
def test_a_command_that_cannot_run_is_told_before_any_look(tmp_path: Path, name: str, code: int, said: str) -> None:
    (tmp_path / "plain").write_text("#!/bin/sh\n")
    command = str(tmp_path / name) if name in ("plain", ".") else name
    done = guarded([command], ("touch", str(tmp_path / "looked")))
    assert done.returncode == code
    assert said in done.stderr.decode()
    assert not (tmp_path / "looked").exists()


def test_a_command_that_vanishes_meanwhile_is_told(tmp_path: Path) -> None:
    script = tmp_path / "gone"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    done = guarded([str(script)], ("rm", str(script)))
    assert done.returncode == 127
    assert b"cannot be run: No such file" in done.stderr
    assert b"Traceback" not in done.stderr


ORDERLY = "exec('try:\\n time.sleep(1000)\\nexcept KeyboardInterrupt:\\n os.write(2, b\"kept\")')"
UNBLOCKED = "signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT]); "


@pytest.mark.parametrize(("how", "kept"), [(UNBLOCKED + ORDERLY, True), (HANGS, False), (HANGS_DEAF, False)])
def test_ctrl_c_while_it_looks_means_not_to_run_it(tmp_path: Path, how: str, kept: bool) -> None:
    command = ["touch", str(tmp_path / "ran")]
    argv = argv_of(command, noting_pid(tmp_path / "pid", how))
    with subprocess.Popen(argv, stderr=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as running:
        until((tmp_path / "pid").exists, "the capture starts")
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does
        out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, b"")
    assert f"interrupted: touch {tmp_path}/ran was NOT run" in err.decode()
    assert (b"kept" in err) is kept
    assert b"Traceback" not in err
    assert not (tmp_path / "ran").exists()
    assert not runs(int((tmp_path / "pid").read_text()))


def test_ctrl_c_in_the_command_is_the_commands() -> None:
    command = ["sh", "-c", "trap 'echo mine; exit 5' INT; echo ready; while :; do sleep 0.05; done"]
    with subprocess.Popen(argv_of(command), stdout=subprocess.PIPE, start_new_session=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == b"ready\n"
        os.killpg(running.pid, signal.SIGINT)
        assert running.communicate(timeout=60)[0] == b"mine\n"
    assert running.returncode == 5


def test_a_guard_that_is_told_to_end_runs_nothing(tmp_path: Path) -> None:
    argv = argv_of(["touch", str(tmp_path / "ran")], noting_pid(tmp_path / "pid", HANGS))
    with subprocess.Popen(argv) as running:
        until((tmp_path / "pid").exists, "the capture starts")
        running.terminate()
        running.wait(60)
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)  # this one does not know how to die with its parent
    assert running.returncode == -signal.SIGTERM
    assert not (tmp_path / "ran").exists()


def test_the_capture_is_not_in_the_terminals_reach() -> None:
    done = guarded(["true"], python("import os; os.write(2, b'%d' % (os.getsid(0) == os.getpid()))"))
    assert done.stderr == b"1"


def test_the_capture_dies_with_the_guard(tmp_path: Path) -> None:
    dying = "from crazytrain.cli.guard_capture import _die_with; import os, time; _die_with(os.getppid())"
    note = f"open({str(tmp_path / 'new')!r}, 'w').write(str(os.getpid()))"
    then = f"{dying}; {note}; os.rename({str(tmp_path / 'new')!r}, {str(tmp_path / 'pid')!r}); time.sleep(1000)"
    with subprocess.Popen(argv_of(["touch", str(tmp_path / "ran")], python(then))) as running:
        until((tmp_path / "pid").exists, "the capture starts")
        capture_pid = int((tmp_path / "pid").read_text())
        assert runs(capture_pid)
        running.kill()
        running.wait(60)
    until(lambda: not runs(capture_pid), "the capture is gone")
    assert not (tmp_path / "ran").exists()


def crazytrain(*argv: str, timeout: float = 120) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "crazytrain", *argv],
        capture_output=True,
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_the_verb_runs_a_command_that_names_nobody() -> None:
    done = crazytrain("guard", "--for", "0.2", "--", "sh", "-c", "echo out; exit 9")
    assert (done.returncode, done.stdout) == (9, b"out\n")
    assert b"names no guest that runs here" in done.stderr
    assert b"Traceback" not in done.stderr


def test_options_of_the_command_are_the_commands() -> None:
    assert crazytrain("guard", "--for", "0.2", "printf", "%s|", "--for", "--", "-x").stdout == b"--for|--|-x|"


@pytest.mark.parametrize(
    "argv", [("--fro", "5", "--", "true"), ("--for", "0", "--", "true"), (), ("--for", "x", "true")]
)
def test_wrong_use_is_told_and_nothing_runs(argv: Sequence[str]) -> None:
    done = crazytrain("guard", *argv)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


@pytest.fixture
def a_guest(tmp_path: Path) -> subprocess.Popen[bytes]:
    """A QEMU process with a name of its own."""
    qemu = ("qemu-system-x86_64", "-name", f"guarded-{os.getpid()}", "-M", "pc,accel=tcg", "-m", "16", "-nodefaults")
    try:
        running = subprocess.Popen(
            (*qemu, "-display", "none", "-qmp", f"unix:{tmp_path}/qmp,server=on,wait=off"), stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        skip_real("qemu-system-x86_64 is not installed")
    until((tmp_path / "qmp").exists, "QEMU opens its monitor")
    return running


@pytest.mark.real
def test_a_real_guest_is_kept_before_it_is_killed(
    a_guest: subprocess.Popen[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRAZYTRAIN_STATE", str(tmp_path / "state"))
    with a_guest:
        try:
            done = crazytrain("guard", "--for", "1", "--", "sh", "-c", f"kill -9 {a_guest.pid}; exit 4")
            assert (done.returncode, done.stdout) == (4, b"")
            assert a_guest.wait(60) == -signal.SIGKILL
        finally:
            a_guest.kill()
    (case,) = listing(cases_root(os.environ, os.geteuid()))
    assert (case.guest, case.complete, case.problem) == (f"guarded-{os.getpid()}", True, "")
    assert case.headline
    assert f"kept {tmp_path}/state/cases/{case.id}: " in done.stderr.decode()


@pytest.mark.real
def test_ctrl_c_during_a_real_look_keeps_what_was_seen(
    a_guest: subprocess.Popen[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRAZYTRAIN_STATE", str(tmp_path / "state"))
    argv = [sys.executable, "-m", "crazytrain", "guard", "--for", "30", "--", "kill", "-9", str(a_guest.pid)]
    cases = tmp_path / "state" / "cases"
    with a_guest, subprocess.Popen(argv, stderr=subprocess.PIPE) as running:
        try:
            until(lambda: any(cases.glob("guarded-*/evidence/*")), "the first evidence is kept")
            running.send_signal(signal.SIGINT)
            _, err = running.communicate(timeout=60)
            assert a_guest.poll() is None
        finally:
            a_guest.kill()
    (case,) = listing(cases)
    assert running.returncode == 130
    assert (case.complete, case.problem) == (False, "")
    assert "was NOT run" in err.decode()
    assert f"what was seen until then is kept in {cases / case.id}" in err.decode()


@pytest.mark.real
def test_a_guard_that_is_killed_leaves_a_guest_unharmed_and_no_capture(
    a_guest: subprocess.Popen[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRAZYTRAIN_STATE", str(tmp_path / "state"))
    argv = [sys.executable, "-m", "crazytrain", "guard", "--for", "30", "--", "kill", "-9", str(a_guest.pid)]
    cases = tmp_path / "state" / "cases"
    with a_guest, subprocess.Popen(argv) as running:
        try:
            until(lambda: any(cases.glob("guarded-*/evidence/*")), "the first evidence is kept")
            (capture,) = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
            running.kill()
            running.wait(60)
            until(lambda: not runs(int(capture)), "the capture is gone")
            assert a_guest.poll() is None
        finally:
            a_guest.kill()
    (case,) = listing(cases)
    assert (case.complete, case.problem) == (False, "")
