"""Folders for the lab's tests. The cache is shared by all runs, so that the kernel is fetched once."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crazytrain import lab

Starter = Callable[..., lab.Running]


def silent(_line: str) -> None:
    """Hear nothing."""


@pytest.fixture(scope="session")
def cache_dir() -> Path:
    base = os.environ.get("CRAZYTRAIN_CACHE")
    return Path(base) if base else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "crazytrain", "lab")


@pytest.fixture
def state_dir() -> Iterator[Path]:
    """A folder with a short path, for there are sockets in it. No guest outlives the test."""
    with tempfile.TemporaryDirectory(prefix="ct-lab-") as name:
        folder = Path(name)
        yield folder
        lab.stop_all(state_dir=folder, tell=silent)


@pytest.fixture
def start(state_dir: Path, cache_dir: Path) -> Starter:
    """Start a lab guest in this test's folder."""

    def start(kind: str, /, **wish: object) -> lab.Running:
        wanted = lab.Wish(**wish)  # type: ignore[arg-type]
        return lab.start(kind, state_dir=state_dir, cache_dir=cache_dir, tell=silent, wish=wanted)

    return start
