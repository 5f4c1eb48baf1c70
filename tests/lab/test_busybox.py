import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.lab.busybox import choose_busybox, is_static_program
from crazytrain.lab.cache import Cache
from tests.lab.conftest import silent


def test_a_program_with_a_loader_is_not_static() -> None:
    dynamic = shutil.which("ls")
    assert dynamic
    assert not is_static_program(Path(dynamic).read_bytes())


@given(st.binary(max_size=200))
def test_any_bytes_are_judged(data: bytes) -> None:
    assert not is_static_program(data)
    assert is_static_program(b"\x7fELF\x02\x01" + data) in (True, False)


def test_the_hosts_busybox_is_taken_if_it_is_static(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = shutil.which("busybox")
    if not found or not is_static_program(Path(found).read_bytes()):
        pytest.skip("this host has no static busybox; the real guests fetch one")
    assert choose_busybox(Cache(tmp_path / "cache"), silent) == Path(found)
    monkeypatch.setenv("PATH", str(tmp_path))
    kept = Cache(tmp_path / "cache").keep("busybox", "busybox-static", Path(found))
    assert choose_busybox(Cache(tmp_path / "cache"), silent) == kept
