"""Where the lab keeps its things."""

import os
from pathlib import Path


def lab_state_dir() -> Path:
    """Where running guests are kept track of: a short path, for it holds sockets."""
    override = os.environ.get("CRAZYTRAIN_LAB")
    if override:
        return Path(override)
    if os.geteuid() == 0:
        return Path("/run/crazytrain/lab")
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Path(runtime, "crazytrain", "lab") if runtime else Path(f"/tmp/crazytrain-{os.geteuid()}/lab")  # noqa: S108 - the lab refuses it if it is not ours alone


def lab_cache_dir() -> Path:
    """Where fetched and built files are kept."""
    override = os.environ.get("CRAZYTRAIN_CACHE")
    base = override or os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) if override else Path(base, "crazytrain", "lab")
