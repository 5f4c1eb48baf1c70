"""Building boot sectors and the small static programs of the Linux guests from asm/, with nasm."""

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from crazytrain.lab.cache import Cache
from crazytrain.lab.guest import Tell
from crazytrain.lab.scratch import scratch
from crazytrain.lab.tool import need, run_tool

_LIMIT_S = 60


def assemble(name: str, defines: Sequence[tuple[str, int]], cache: Cache, tell: Tell) -> Path:
    """Return what nasm makes of asm/``name``.asm, from the cache when the same was made before.

    Args:
        name: of the source, without its ending.
        defines: numbers that the source leaves open, by name.

    ``MissingTool`` without nasm, ``ToolFailed`` with nasm's words when it refuses.
    """
    options = [f"-D{define}={value:#x}" for define, value in defines]
    key = f"{name}-{_fingerprint(options)}"
    if kept := cache.find("asm", key):
        return kept
    nasm = need("nasm", "nasm")
    tell(f"assembling {name}")
    with scratch(cache.folder / "asm") as folder:
        _copy_sources(folder)
        source = [f"{name}.asm", "-o", f"{name}.bin"]
        run_tool([nasm, "-f", "bin", "-Wall", "-Werror", *options, *source], cwd=folder, limit_s=_LIMIT_S)
        return cache.keep("asm", key, folder / f"{name}.bin")


def sources() -> dict[str, bytes]:
    """Return every file of asm/ by name: sources and what they include."""
    folder = files("crazytrain.lab") / "asm"
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith((".asm", ".inc")))
    return {name: (folder / name).read_bytes() for name in names}


def _copy_sources(folder: Path) -> None:
    for name, text in sources().items():
        (folder / name).write_bytes(text)


def _fingerprint(options: Sequence[str]) -> str:
    content = repr((sorted(sources().items()), list(options)))
    return hashlib.sha256(content.encode()).hexdigest()[:16]
