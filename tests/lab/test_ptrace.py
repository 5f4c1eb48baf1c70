"""System calls made in another process. That process must not notice."""

import errno
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from crazytrain.lab.errors import LabError
from crazytrain.lab.ptrace import stopped
from crazytrain.lab.wait import wait_until
from tests.support import skip_real

pytestmark = pytest.mark.real

SYS_CLOSE, SYS_GETPID = 3, 39


@pytest.fixture
def reader() -> Iterator[subprocess.Popen[str]]:
    """A process that waits for a line and repeats it."""
    child = subprocess.Popen(["sh", "-c", "read x; echo $x"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with child:
        asleep = Path(f"/proc/{child.pid}/stat")
        assert wait_until(lambda: asleep.read_text().rpartition(")")[2].split()[0] == "S", 10)
        try:
            with stopped(child.pid):
                pass
        except LabError as error:
            child.kill()
            skip_real(str(error))
        yield child
        child.kill()


def test_a_call_is_made_there_and_its_own_goes_on(reader: subprocess.Popen[str]) -> None:
    with stopped(reader.pid) as caller:
        assert [caller.call(SYS_GETPID) for _ in range(3)] == [reader.pid] * 3
        assert "TracerPid:\t0\n" not in Path(f"/proc/{reader.pid}/status").read_text()
    assert "TracerPid:\t0\n" in Path(f"/proc/{reader.pid}/status").read_text()
    assert reader.communicate("still here\n", timeout=30)[0] == "still here\n"


def test_a_call_that_fails_there_is_an_error_here(reader: subprocess.Popen[str]) -> None:
    with stopped(reader.pid) as caller, pytest.raises(OSError, match="Bad file descriptor") as caught:
        caller.call(SYS_CLOSE, 1000)
    assert caught.value.errno == errno.EBADF
    assert reader.communicate("fine\n", timeout=30)[0] == "fine\n"


def test_the_process_is_let_go_when_we_fail(reader: subprocess.Popen[str]) -> None:
    with pytest.raises(KeyboardInterrupt), stopped(reader.pid):
        raise KeyboardInterrupt
    assert reader.communicate("free\n", timeout=30)[0] == "free\n"


def test_a_process_under_another_tracer_is_refused(reader: subprocess.Popen[str]) -> None:
    with stopped(reader.pid), pytest.raises(LabError, match="cannot be traced") as caught, stopped(reader.pid):
        pass
    assert "strace" in caught.value.hint
