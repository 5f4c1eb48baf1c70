"""Running the programs that the lab itself needs: nasm, apt-get, dpkg-deb."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from crazytrain.lab.errors import MissingTool, ToolFailed

_LOOK_S = 0.5


def need(program: str, package: str, hint: str = "") -> str:
    """Return where a program is; ``MissingTool`` tells ``hint``, or else Debian's package."""
    path = shutil.which(program)
    if path is None:
        raise MissingTool(f"{program} is not installed", hint or f"apt-get install {package}")
    return path


def run_tool(argv: Sequence[str], *, cwd: Path, limit_s: float, meanwhile: Callable[[], None] | None = None) -> str:
    """Run a program to its end and return what it printed; it is killed when it takes too long or we are interrupted.

    Args:
        cwd: its folder, where its output is kept as well.
        limit_s: how long it may take.
        meanwhile: called about twice a second while it runs.

    Raises ``ToolFailed`` unless it ends well.
    """
    log = cwd / f"{Path(argv[0]).name}.output"
    with log.open("wb") as output:
        how = _run(argv, cwd, output.fileno(), limit_s, meanwhile)
    said = log.read_text("utf-8", "replace")
    if how:
        raise ToolFailed(argv, said, how)
    return said


def _run(argv: Sequence[str], cwd: Path, output: int, limit_s: float, meanwhile: Callable[[], None] | None) -> str:
    deadline = time.monotonic() + limit_s
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    with subprocess.Popen(
        argv, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
    ) as child:
        try:
            while not _ends_soon(child):
                if time.monotonic() > deadline:
                    return f"it did not end within {limit_s:g} s"
                if meanwhile is not None:
                    meanwhile()
        finally:
            child.kill()
    return f"exit status {child.returncode}" if child.returncode else ""


def _ends_soon(child: subprocess.Popen[bytes]) -> bool:
    try:
        child.wait(_LOOK_S)
    except subprocess.TimeoutExpired:
        return False
    return True
