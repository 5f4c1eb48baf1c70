"""A host that has no libvirt at all: everything but what libvirt is for does what it does, and that says what to install."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.logs_made import renewals
from tests.support import skip_real
from tests.tiny import HALT, Tiny, boot

pytestmark = pytest.mark.real
Ask = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def tiny() -> Iterator[Tiny]:
    with boot(HALT) as found:
        yield found


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory, state: Path) -> Ask:
    """Run crazytrain where nobody finds virsh, wherever he looks."""
    if os.geteuid() != 0:
        skip_real("hiding a program takes root")
    empty = tmp_path_factory.mktemp("bin") / "empty"
    empty.write_bytes(b"")
    hide = 'for one in /usr/bin/virsh /bin/virsh; do [ ! -e $one ] || mount --bind $0 $one || exit 99; done; exec "$@"'
    within = ("unshare", "--mount", "sh", "-c", hide, str(empty))
    environment = {**os.environ, "CRAZYTRAIN_STATE": str(state)}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = (*within, sys.executable, "-m", "crazytrain", *words)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode != 99, done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


def test_a_guest_is_looked_at_and_its_case_is_kept(tiny: Tiny, ask: Ask, state: Path) -> None:
    assert "tiny" in ask("guests").stdout
    done = ask("why", str(tiny.process), "--for", "1", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert not [one for one in report["evidence"] if one["outcome"] == "broke"]
    case = json.loads(ask("case", "list", "--json").stdout)[0]["id"]
    assert ask("explain", str(state / "cases" / case)).returncode == 0
    assert ask("case", "verify", case).returncode == 0


def test_logs_are_read(tiny: Tiny, ask: Ask, tmp_path: Path) -> None:
    log = tmp_path / "syslog"
    log.write_bytes(renewals(200))
    done = ask("logs", str(log))
    assert (done.returncode, "crazytrain lease NETWORK --set 24h" in done.stdout) == (0, True), done.stderr
    refused = ask("logs", f"guest:{tiny.process}")
    assert (refused.returncode, "without a channel for an agent" in refused.stderr) == (69, True), refused.stderr


def test_what_needs_it_says_what_to_install(ask: Ask) -> None:
    for words in (("lease",), ("lease", "default", "--set", "24h", "--yes")):
        done = ask(*words)
        assert (done.returncode, "virsh is not installed" in done.stderr) == (69, True), done.stderr
        assert "libvirt-clients" in done.stderr
    # Where a daemon runs beside, what is missing is its client.
    told = ask("doctor").stdout
    assert "no libvirt on this host" in told or "virsh is not installed" in told
