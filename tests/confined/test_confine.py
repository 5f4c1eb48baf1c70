"""A process that gave up everything cannot get anything back: each attempt is really made, by a real child."""

import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from crazytrain.host import confine, syscall_filter
from tests.confined.hostile import ATTEMPTS
from tests.support import skip_real

pytestmark = pytest.mark.real
HOSTILE = Path(__file__).with_name("hostile.py")
X32_ONLY = ("a call of the x32 ABI",)
X32 = X32_ONLY if platform.machine() == "x86_64" else ()
DEADLY = ("socket", "execve", "ptrace", "another process's memory", "compute without end", *X32)
ALLOWED = ("read what was handed",)
OTHERWISE = {
    "inherited": b"OSError",  # EBADF: it was closed
    "thread": b"RuntimeError",
    "memory without end": b"MemoryError",
}


def tried(attempt: str, folder: Path, parent: int | None = None) -> "subprocess.CompletedProcess[bytes]":
    if platform.machine() not in ("x86_64", "aarch64"):
        skip_real(f"system calls are not filtered on {platform.machine()}")
    kept = folder / "kept"
    kept.write_bytes(b"kept\n")
    known, inherited = os.open(kept, os.O_RDONLY), os.open("/etc/hostname", os.O_RDONLY)

    def arrange() -> None:
        os.dup2(known, 3)
        os.dup2(inherited, 9)

    try:
        return subprocess.run(
            (sys.executable, "-I", HOSTILE, str(parent or os.getpid()), attempt),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            close_fds=False,
            preexec_fn=arrange,
            timeout=60,
            check=False,
        )
    finally:
        os.close(known)
        os.close(inherited)


@pytest.mark.parametrize("attempt", [name for name in ATTEMPTS if name not in (*DEADLY, *ALLOWED, *X32_ONLY)])
def test_refused(attempt: str, tmp_path: Path) -> None:
    done = tried(attempt, tmp_path)
    assert done.returncode == 0, done
    assert done.stdout == OTHERWISE.get(attempt, b"PermissionError"), done


@pytest.mark.parametrize("attempt", DEADLY)
def test_deadly(attempt: str, tmp_path: Path) -> None:
    done = tried(attempt, tmp_path)
    by = (signal.SIGXCPU, signal.SIGKILL) if attempt == "compute without end" else (signal.SIGSYS,)
    assert -done.returncode in by, done
    assert done.stdout == b""


def test_what_was_handed_can_be_read(tmp_path: Path) -> None:
    assert tried("read what was handed", tmp_path).stdout == b"done"


def test_an_orphan_ends_before_it_reads(tmp_path: Path) -> None:
    done = tried("read what was handed", tmp_path, parent=1)
    assert (done.returncode, done.stdout) == (1, b"")


def test_a_kernel_without_filters_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        syscall_filter, "program_for", lambda _machine: b""
    )  # the kernel refuses it as one it does not know
    assert confine._filter_syscalls() == ("system calls are not filtered: this kernel has no seccomp filters",)
    monkeypatch.setattr(syscall_filter, "program_for", lambda _machine: None)
    (said,) = confine._filter_syscalls()
    assert said.startswith("system calls are not filtered: there is no list of them for ")


def test_there_is_a_filter_only_for_machines_whose_calls_are_known() -> None:
    assert syscall_filter.program_for("riscv64") is None
    for machine in ("x86_64", "aarch64"):
        program = syscall_filter.program_for(machine)
        assert program is not None
        assert len(program) % 8 == 0
        assert len(program) // 8 < 4096  # the kernel's limit
