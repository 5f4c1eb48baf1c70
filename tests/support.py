"""What tests of every room share: the repository's root, its files, and the one way to skip a real test."""

import os
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "crazytrain"


def real_is_forced() -> bool:
    """Whether a real test that cannot run must fail: in CI, and where the caller says so."""
    return os.environ.get("CI", "").lower() == "true" or os.environ.get("CRAZYTRAIN_FORCE_REAL") == "1"


def skip_real(reason: str) -> NoReturn:
    """Skip a real test that cannot run here, for this reason; fail it where real tests are forced."""
    if real_is_forced():
        pytest.fail(f"real tests are forced here, but: {reason}")
    pytest.skip(reason)


def tracked_files() -> list[Path]:
    """Return the files of the repository: what git tracks, and what it would track once added."""
    listing = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", *listing], cwd=ROOT, check=True, capture_output=True, text=True
    )
    paths = [ROOT / name for name in done.stdout.split("\0") if name]
    return [path for path in paths if path.is_file() and not path.is_symlink()]
