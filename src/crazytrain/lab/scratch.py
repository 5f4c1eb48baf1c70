"""Folders that are filled before they get their name, and what is left of them when their maker was killed.

The name holds who makes it (pid and start time), so that whoever comes next can tell a dead one's from a live one's.
"""

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from crazytrain.lab.process import boot_id, is_alive, myself
from crazytrain.model.guest import ProcessId

_PREFIX = ".making-"
_NAME = re.compile(re.escape(_PREFIX) + r"(\d+)-(\d+)-(\w+)-")


@contextlib.contextmanager
def scratch(parent: Path) -> Iterator[Path]:
    """Give a new private folder below ``parent``; it is gone in the end, whatever happens, unless it was renamed."""
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    sweep(parent)
    me = myself()
    prefix = f"{_PREFIX}{me.pid}-{me.start_ticks}-{me.boot_id.replace('-', '')}-"
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(parent: Path) -> None:
    """Remove what makers that are dead now left below ``parent``."""
    for folder in parent.glob(f"{_PREFIX}*"):
        if not _maker_lives(folder.name):
            shutil.rmtree(folder, ignore_errors=True)


def _maker_lives(name: str) -> bool:
    found = _NAME.match(name)
    if not found or found[3] != boot_id().replace("-", ""):
        return False
    return is_alive(ProcessId(pid=int(found[1]), start_ticks=int(found[2]), boot_id=boot_id()))
