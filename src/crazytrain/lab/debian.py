"""Files out of Debian packages, without installing anything and as an ordinary user.

apt checks what it downloads against the signed list of its archive; nothing is taken that it did not check.
"""

import re
from collections.abc import Callable
from pathlib import Path

import msgspec

from crazytrain.lab.errors import FetchFailed, ToolFailed
from crazytrain.lab.guest import Tell
from crazytrain.lab.logs import printable
from crazytrain.lab.tool import need, run_tool

_LIMIT_S = 900
_TIMEOUTS = ("-o", "Acquire::http::Timeout=30", "-o", "Acquire::Retries=2")
_MIB = 1024 * 1024


class Apt(msgspec.Struct, frozen=True, kw_only=True):
    """This host's apt, at work in a folder of its own; ``hint`` is the user's other way when it fails."""

    folder: Path
    hint: str
    tell: Tell

    def dependency(self, package: str) -> str:
        """Return the first package that ``package`` depends on: for a metapackage, the real one."""
        said = self._run("apt-cache", "depends", "--important", package)
        found = re.search(r"^\s*(?:Pre)?Depends: ([a-z0-9][a-z0-9.+-]+)$", said, re.MULTILINE)
        if not found:
            raise FetchFailed(
                f"apt does not know what {package} depends on: {printable(said.strip()[:200])}", self.hint
            )
        return found[1]

    def fetch(self, package: str) -> Path:
        """Download a package, which apt checks, and return the root that it unpacks to."""
        found = re.search(
            r" (\d+) \S+:[0-9a-f]+$", self._run("apt-get", "download", "--print-uris", package), re.MULTILINE
        )
        size_bytes = int(found[1]) if found else 0
        self.tell(f"downloading {package} ({size_bytes / _MIB:.1f} MiB)")
        progress = _Progress(package, self.folder, size_bytes, self.tell)
        self._run("apt-get", "download", package, meanwhile=progress.look)
        root = self.folder / f"{package}.root"
        self._once("dpkg-deb", "-x", str(self._downloaded(package)), str(root))
        return root

    def _downloaded(self, package: str) -> Path:
        found = list(self.folder.glob(f"{package}_*.deb"))
        if len(found) != 1:
            raise FetchFailed(f"apt-get download {package} ended well but left no package", self.hint)
        return found[0]

    def _run(self, program: str, *words: str, meanwhile: Callable[[], None] | None = None) -> str:
        """Run apt; where the host's package lists do not do, as on a fresh one, once more with lists fetched for this."""
        try:
            return self._once(program, *self._options(), *words, meanwhile=meanwhile)
        except FetchFailed:
            if self._lists().exists():
                raise
        self.tell("fetching the package lists of this host's archives")
        (self._lists() / "partial").mkdir(parents=True)
        self._once("apt-get", *self._options(), "update")
        return self._once(program, *self._options(), *words, meanwhile=meanwhile)

    def _once(self, program: str, *words: str, meanwhile: Callable[[], None] | None = None) -> str:
        argv = [need(program, program, self.hint), *words]
        try:
            return run_tool(argv, cwd=self.folder, limit_s=_LIMIT_S, meanwhile=meanwhile)
        except ToolFailed as error:
            raise FetchFailed(str(error), self.hint) from error

    def _lists(self) -> Path:
        return self.folder / "lists"

    def _options(self) -> list[str]:
        """Return apt's options: its own cache, and its own lists once they were fetched."""
        own = ["-q", "-o", f"Dir::Cache={self.folder}", "-o", "APT::Sandbox::User=", *_TIMEOUTS]
        return [*own, "-o", f"Dir::State::lists={self._lists()}"] if self._lists().exists() else own


class _Progress:
    """Tells how much of a package is there, when that has changed by a tenth."""

    def __init__(self, package: str, folder: Path, size_bytes: int, tell: Tell) -> None:
        self.package = package
        self.folder = folder
        self.size_bytes = max(size_bytes, 1)
        self.tell = tell
        self.tenths = 0

    def look(self) -> None:
        """Look at the file and tell."""
        there = sum(path.stat().st_size for path in self.folder.rglob(f"{self.package}_*") if path.is_file())
        tenths = min(10, 10 * there // self.size_bytes)
        if tenths > self.tenths:
            self.tenths = tenths
            self.tell(f"{self.package}: {there / _MIB:.1f} of {self.size_bytes / _MIB:.1f} MiB")
