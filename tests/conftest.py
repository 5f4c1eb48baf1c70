"""Fixtures for every room. No test may write into the state directory of whoever runs it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support import skip_real

__all__ = ["skip_real"]

# A loaded machine is no reason to fail: pytest-timeout bounds a test, not hypothesis.
settings.register_profile("house", deadline=None, print_blob=True)
settings.load_profile("house")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Try a test with real guests a second time before it counts as failed; the summary tells which needed that.

    On a machine with two cores and neighbours a monitor may answer too late once. What is wrong is wrong twice.
    """
    for item in items:
        if item.get_closest_marker("real"):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="session", autouse=True)
def own_state_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep state in a directory of this run. The cache is left where it is, so kernels are fetched once."""
    home = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(home))
        patch.setenv("CRAZYTRAIN_STATE", str(home / "crazytrain"))
        yield home


@pytest.fixture
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep state in an empty directory of this one test."""
    home = tmp_path / "state"
    home.mkdir()
    monkeypatch.setenv("XDG_STATE_HOME", str(home))
    return home
