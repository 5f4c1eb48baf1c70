"""A guest that is a folder."""

import asyncio
import subprocess
from pathlib import Path

from crazytrain.remedy.clock_guest import AVAILABLE, CURRENT
from tests.clock.grub_made import BOOTED


class FolderGuest:
    """A guest's files in a folder; ``kernel`` answers what is written to the clocksource."""

    def __init__(self, root: Path, *, takes: bool = True) -> None:
        self.root = root
        self.takes = takes
        self.ran: list[tuple[str, ...]] = []
        self.put("/proc/cmdline", BOOTED)
        self.put(CURRENT, "tsc\n")
        self.put("/proc/sys/kernel/random/boot_id", "5f1c0a52-0000-4000-8000-000000000001\n")
        self.put(AVAILABLE, "tsc hpet acpi_pm \n")

    def close(self) -> None:
        pass

    def put(self, path: str, text: str, mode: int = 0o644) -> None:
        place = self.root / path[1:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(mode)

    def has(self, path: str) -> str | None:
        place = self.root / path[1:]
        return place.read_text() if place.is_file() else None

    async def read(self, path: str, limit_bytes: int = 1 << 20) -> str | None:
        text = self.has(path)
        return text if text is None else text[:limit_bytes]

    async def write(self, path: str, text: str) -> None:
        if path == CURRENT and not self.takes:
            return
        self.put(path, text)

    async def remove(self, path: str) -> None:
        (self.root / path[1:]).unlink(missing_ok=True)

    async def run(self, *argv: str, timeout_s: float = 20.0) -> tuple[int | None, str]:
        self.ran.append(argv)
        return await asyncio.to_thread(self._run, argv, max(60.0, timeout_s))

    def _run(self, argv: tuple[str, ...], timeout_s: float) -> tuple[int, str]:
        done = subprocess.run(
            ("chroot", self.root, *argv), capture_output=True, text=True, timeout=timeout_s, check=False
        )
        return done.returncode, done.stdout + done.stderr
