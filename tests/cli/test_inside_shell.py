"""``crazytrain inside --shell``: the prompt on a real guest, without any privilege; and a friendly word where drgn is not there."""

import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from crazytrain import lab
from crazytrain.cli import inside_shell
from crazytrain.cli.inside_looking import Wish
from crazytrain.model.errors import MissingTool
from tests.support import skip_real

COMMANDS = """
import os
print("ids", os.getresuid(), os.getresgid(), os.getgroups())
print([line.split()[1] for line in open("/proc/self/status") if line.startswith(("CapEff", "CapPrm", "NoNewPrivs"))])
print("busy", b"busy" in [task.comm.string_() for task in for_each_task()], prog["init_uts_ns"].name.sysname.string_())
print("log", b"Linux version" in get_dmesg())
print("stack", len(stack_trace(1)))
"""


def silent(_line: str) -> None:
    """Hear nothing."""


def test_without_drgn_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(MissingTool, match="drgn") as raised:
        inside_shell.open_shell(Wish(wanted="x"), quiet=True)
    assert "crazytrain[deep]" in raised.value.hint
    assert raised.value.exit_code == 69


@pytest.fixture
def busy() -> Iterator[lab.Running]:
    if os.geteuid() != 0:
        skip_real("not root: another process's memory is out of reach")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "crazytrain", "lab")
    cache = os.environ.get("CRAZYTRAIN_CACHE")
    with tempfile.TemporaryDirectory(prefix="ct-deep-") as folder:
        try:
            wish = lab.Wish(name=f"deep-{os.getpid()}")
            yield lab.start(
                "busy", state_dir=Path(folder), cache_dir=Path(cache) if cache else base, tell=silent, wish=wish
            )
        finally:
            lab.stop_all(state_dir=Path(folder), tell=silent)


@pytest.mark.real
def test_a_prompt_on_a_real_guest(busy: lab.Running) -> None:
    argv = (sys.executable, "-m", "crazytrain", "inside", str(busy.pid), "--shell")
    done = subprocess.run(argv, input=COMMANDS, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "ids (65534, 65534, 65534) (65534, 65534, 65534) []" in done.stdout
    assert "['0000000000000000', '0000000000000000', '1']" in done.stdout
    assert "busy True b'Linux'" in done.stdout
    assert "log True" in done.stdout
    assert "Traceback" not in done.stderr
