"""What root, a user, and who has only four capabilities see, for real: each gets its own, and is told what it lacks."""

import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import tiny
from tests.support import ROOT, skip_real
from tests.whole.conftest import PROGRAM

pytestmark = [pytest.mark.real, pytest.mark.timeout(200)]

NOBODY = pwd.getpwnam("nobody")
FOUR = ("bpf", "perfmon", "sys_ptrace", "dac_read_search")
ONLY_FOUR = ",".join(("-all", *(f"+{name}" for name in FOUR)))
AS_NOBODY = ("setpriv", "--reuid", str(NOBODY.pw_uid), "--regid", str(NOBODY.pw_gid), "--clear-groups")
# Who starts crazytrain as packaging/crazytrain-why@.service does: user 0, four capabilities and no way to more.
SERVICE = ("setpriv", "--bounding-set", ONLY_FOUR, "--inh-caps", "-all", "--no-new-privs")
# A user of its own, with the four as ambient capabilities.
AMBIENT = (*AS_NOBODY, "--inh-caps", ONLY_FOUR, "--ambient-caps", ONLY_FOUR, "--no-new-privs")
# In a folder that is nobody's own from then on.
QEMU_OF_NOBODY = ("sh", "-c", f'chown -R {NOBODY.pw_uid} . && exec "$@"', "sh", *AS_NOBODY, "--inh-caps", "-all")
# Imports all as root, for nobody may be kept out of the folder of the program; then becomes nobody.
THEN_NOBODY = """
import contextlib, io, os, sys
sys.argv[0] = "crazytrain"
from crazytrain import cli
words, uid, gid = sys.argv[3:], int(sys.argv[1]), int(sys.argv[2])
with contextlib.redirect_stdout(io.StringIO()):
    cli.app(words, standalone_mode=False)
os.setgroups([]); os.setresgid(gid, gid, gid); os.setresuid(uid, uid, uid)
cli.app(words, standalone_mode=False)
"""

Rows = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def guest() -> Iterator[tiny.Tiny]:
    """A guest of root."""
    need()
    with tiny.boot(tiny.HALT, memory_mib=16) as booted:
        yield booted


@pytest.fixture
def own_state(tmp_path: Path) -> Path:
    """A folder that anybody may write to, in one that anybody may enter."""
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    folder = tmp_path / "cases"
    folder.mkdir()
    folder.chmod(0o777)
    return folder


def need() -> None:
    if os.geteuid() != 0:
        skip_real("only root can give rights away")
    for program in ("setpriv", "bpftrace", "strace"):
        if shutil.which(program) is None:
            skip_real(f"{program} is not installed")


def told(rights: tuple[str, ...], *words: str) -> str:
    """What the program prints when it has these rights. Nothing may be complained of."""
    need()
    done = subprocess.run(
        (*rights, *PROGRAM, *words), capture_output=True, text=True, timeout=120, check=False, cwd="/"
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def told_as_nobody(*words: str) -> str:
    need()
    argv = (sys.executable, "-c", THEN_NOBODY, str(NOBODY.pw_uid), str(NOBODY.pw_gid), *words)
    done = subprocess.run(argv, capture_output=True, text=True, timeout=180, check=False, cwd="/")
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows_of(text: str) -> Rows:
    rows = {row["name"]: row for row in json.loads(text)}
    assert [row for row in rows.values() if "crazytrain could not ask" in row["found"]] == []
    return rows


def outcomes(report: str) -> dict[str, str]:
    """How each look ended; none may be broken."""
    found: dict[str, str] = {}
    for evidence in json.loads(report)["evidence"]:
        assert evidence["outcome"] != "broke", evidence
        if evidence["outcome"] not in ("ok", "absent", "truncated"):
            assert evidence["detail"], evidence
        found.setdefault(evidence["id"], evidence["outcome"])
    return found


def why(guest: tiny.Tiny, folder: Path) -> tuple[str, ...]:
    where = ("--against", "none", "--quiet", "--json", "--out", str(folder))
    return ("why", str(guest.process), "--for", "1", "--cost", "stops", *where)


def test_root_sees_all(guest: tiny.Tiny, tmp_path: Path) -> None:
    rows = rows_of(told((), "doctor", "--json"))
    assert rows["privileges"]["found"] == "root"
    assert rows["BPF programs"]["state"] == "yes"
    seen = outcomes(told((), *why(guest, tmp_path)))
    assert "denied" not in seen.values()
    assert {seen[name] for name in ("bpf", "qmp.0", "descriptors.0", "tasks.0", "strace")} == {"ok"}


def test_a_service_with_four_capabilities_sees_what_root_sees(guest: tiny.Tiny, tmp_path: Path) -> None:
    rows = rows_of(told(SERVICE, "doctor", "--json"))
    for name in ("privileges", "other processes", "BPF programs", "strace"):
        assert rows[name]["state"] == "yes", rows[name]
    seen = outcomes(told(SERVICE, *why(guest, tmp_path)))
    assert {seen[name] for name in ("bpf", "qmp.0", "descriptors.0", "tasks.0", "strace")} == {"ok"}
    assert seen["vcpus.0"] in ("ok", "truncated")  # a busy monitor is left before all is asked
    denied = {name for name, outcome in seen.items() if outcome == "denied"}
    assert denied <= {"kernel-log.0", "kernel-log.1", "kernel-log"}, "the kernel's log takes CAP_SYSLOG"


def test_the_unit_gives_these_four_and_no_other() -> None:
    unit = (ROOT / "packaging" / "crazytrain-why@.service").read_text()
    (line,) = re.findall(r"^CapabilityBoundingSet=(.*)$", unit, flags=re.MULTILINE)
    assert {word.removeprefix("CAP_").lower() for word in line.split()} == set(FOUR)
    if shutil.which("systemd-analyze") is None:
        return
    text = unit.replace("/usr/bin/crazytrain", "/bin/true")
    checked = verified(text)
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stderr


def verified(unit: str) -> "subprocess.CompletedProcess[str]":
    with tempfile.TemporaryDirectory() as folder:
        for name in ("crazytrain-why@.service", "crazytrain-why@web01.service"):
            Path(folder, name).write_text(unit)
        return subprocess.run(
            ("systemd-analyze", "verify", "--man=no", str(Path(folder, "crazytrain-why@web01.service"))),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def test_a_user_with_four_capabilities(guest: tiny.Tiny, own_state: Path) -> None:
    rows = rows_of(told(AMBIENT, "doctor", "--json"))
    assert rows["privileges"]["found"] == f"user {NOBODY.pw_uid} with " + ", ".join(
        f"CAP_{name.upper()}" for name in ("sys_ptrace", "dac_read_search", "bpf", "perfmon")
    )
    assert {rows[name]["state"] for name in ("privileges", "other processes", "strace")} == {"yes"}
    seen = outcomes(told(AMBIENT, *why(guest, own_state)))
    assert {seen[name] for name in ("descriptors.0", "tasks.0", "identity.0", "strace")} == {"ok"}
    assert seen["qmp.0"] == "denied", "reading rights let nobody write to a monitor's socket"
    if rows["BPF programs"]["state"] == "yes":  # bpftrace from 0.25 on
        assert seen["bpf"] == "ok"
    else:
        assert "wants user 0" in rows["BPF programs"]["found"]
        assert "packaging/crazytrain-why@.service" in rows["BPF programs"]["remedy"]
        assert seen["bpf"] == "denied"


def test_a_user_sees_threads_and_is_told_of_the_rest(guest: tiny.Tiny, own_state: Path) -> None:
    rows = rows_of(told_as_nobody("doctor", "--json"))
    assert rows["privileges"]["state"] == "no"
    assert rows["BPF programs"]["state"] == "no"
    assert rows["BPF programs"]["remedy"]
    seen = outcomes(told_as_nobody(*why(guest, own_state)))
    assert {seen[name] for name in ("tasks.0", "identity.0", "host.0")} == {"ok"}
    assert {seen[name] for name in ("bpf", "qmp.0", "descriptors.0")} == {"denied"}


def test_a_user_sees_guests_of_others_in_the_list(guest: tiny.Tiny) -> None:
    rows = {row["guest"]["process"]["pid"]: row for row in json.loads(told_as_nobody("guests", "--json"))}
    ours = rows[guest.process]
    assert ours["outcome"] == "ok"
    assert ours["split"] is not None
    assert ours["status"] == "(denied)"


def test_a_user_asks_a_guest_of_its_own(own_state: Path) -> None:
    need()
    with tiny.boot(tiny.HALT, memory_mib=16, within=QEMU_OF_NOBODY) as own:
        seen = outcomes(told_as_nobody(*why(own, own_state)))
    assert {seen[name] for name in ("tasks.0", "qmp.0", "vcpus.0")} == {"ok"}
    assert seen["bpf"] == "denied"
