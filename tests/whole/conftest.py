"""Real guests for whole runs: the lab's, one healthy one beside them, and the program as a user calls it."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crazytrain import lab
from crazytrain.lab.machine import kvm_trouble
from tests.support import skip_real

Run = Callable[..., subprocess.CompletedProcess[str]]
PROGRAM = (sys.executable, "-m", "crazytrain")


def silent(_line: str) -> None:
    """Hear nothing."""


def need_tools() -> None:
    """A real look takes root, QEMU, bpftrace and nasm."""
    for tool in ("qemu-system-x86_64", "nasm", "bpftrace"):
        if shutil.which(tool) is None:
            skip_real(f"{tool} is not installed")
    if os.geteuid() != 0:
        skip_real("not root: tracing and other users' processes are out of reach")


@pytest.fixture(scope="session")
def cache_dir() -> Path:
    base = os.environ.get("CRAZYTRAIN_CACHE")
    return Path(base) if base else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "crazytrain", "lab")


@pytest.fixture(scope="module")
def state_dir() -> Iterator[Path]:
    """The lab's folder of this module; no guest outlives it."""
    with tempfile.TemporaryDirectory(prefix="ct-whole-") as name:
        folder = Path(name)
        yield folder
        lab.stop_all(state_dir=folder, tell=silent)


@pytest.fixture(scope="module")
def start(state_dir: Path, cache_dir: Path) -> Callable[[str, str], lab.Running]:
    """Start a lab guest; it lives as long as the module's tests unless stopped."""

    def start(kind: str, name: str) -> lab.Running:
        need_tools()
        guest = lab.find_guest(kind)
        if guest.needs_kvm and (trouble := kvm_trouble()):
            skip_real(trouble)
        return lab.start(kind, state_dir=state_dir, cache_dir=cache_dir, tell=silent, wish=lab.Wish(name=name))

    return start


@pytest.fixture(scope="module")
def healthy(start: Callable[[str, str], lab.Running]) -> lab.Running:
    """One healthy guest to compare with."""
    return start("idle", f"beside-{os.getpid()}")


@pytest.fixture(scope="session")
def crazytrain() -> Run:
    """Run the program as a user does."""

    def run(
        *args: str, stdin: str | None = None, check: bool = True, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            (*PROGRAM, *args), capture_output=True, text=True, input=stdin or "", timeout=timeout, check=False
        )
        assert not check or done.returncode == 0, f"{args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    return run


def report_of(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    """The JSON that was printed."""
    report: dict[str, object] = json.loads(done.stdout)
    return report
