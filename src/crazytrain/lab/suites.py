"""Packages of another Debian suite than this host's, by an apt of its own in a folder: nothing is installed.

apt checks what it downloads against the suite's signed list.
"""

import re
from pathlib import Path

import msgspec

from crazytrain.lab.errors import FetchFailed, ToolFailed
from crazytrain.lab.tool import need, run_tool

_LIMIT_S = 1800
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_SITE = re.compile(r"^(https?://\S+)\|Debian\|[a-z]+$", re.MULTILINE)
_HINT = "is the network there, and does the package debian-archive-keyring know this suite?"
_ARCHIVES = "archives"


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """A private apt in ``folder`` whose only source is a suite of Debian (``name``: bullseye, trixie, sid)."""

    folder: Path
    name: str

    def prepare(self) -> None:
        """Make apt's folders and fetch the suite's list of packages."""
        (self.folder / "lists" / "partial").mkdir(parents=True)
        (self.folder / _ARCHIVES / "partial").mkdir(parents=True)
        (self.folder / "status").touch()
        source = f"deb [signed-by={_KEYRING}] {self._mirror()} {self.name} main\n"
        (self.folder / "sources.list").write_text(source, "ascii")
        self.apt("apt-get", "update")

    def apt(self, program: str, *words: str) -> str:
        """Run apt-get or apt-cache on this suite alone; ``FetchFailed`` unless it ends well."""
        where = {
            "Dir::Etc::sourcelist": self.folder / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::State::lists": self.folder / "lists",
            "Dir::State::status": self.folder / "status",
            "Dir::Cache::archives": self.folder / _ARCHIVES,
            "Dir::Cache::pkgcache": "",
            "Dir::Cache::srcpkgcache": "",
            "APT::Sandbox::User": "",
            "Acquire::Retries": 2,
        }
        return run_or_fail(self.folder, program, "-q", *(f"-o{name}={value}" for name, value in where.items()), *words)

    def packages(self) -> list[Path]:
        """The packages that were downloaded to be installed."""
        return sorted((self.folder / _ARCHIVES).glob("*.deb"))

    def _mirror(self) -> str:
        """The archive that this host's apt uses for Debian."""
        indexes = ("indextargets", "--format", "$(SITE)|$(ORIGIN)|$(CODENAME)", "Created-By: Packages")
        found = _SITE.search(run_or_fail(self.folder, "apt-get", *indexes))
        if not found:
            raise FetchFailed("apt knows of no Debian archive here", "run apt-get update, on a Debian host")
        return found[1]


def check_suite(name: str) -> None:
    """Raise ``FetchFailed`` for what cannot be the name of a suite."""
    if not re.fullmatch(r"[a-z]{2,20}", name):
        raise FetchFailed(f"{name!r} is no name of a Debian suite", "bullseye, bookworm, trixie, sid")


def run_or_fail(folder: Path, program: str, *words: str) -> str:
    """Run a program in a folder; ``FetchFailed`` unless it ends well, ``MissingTool`` where it is not installed."""
    try:
        return run_tool([need(program, program, _HINT), *words], cwd=folder, limit_s=_LIMIT_S)
    except ToolFailed as error:
        raise FetchFailed(str(error), _HINT) from error
