"""QEMU of another generation: unpacked from another Debian suite into the cache, and run in that root.

Nothing is installed. apt checks what it downloads against the suite's signed list. QEMU runs by chroot in a mount
namespace of its own, where the host's /dev, /proc, /sys and the places of the lab's files are at their usual paths: what
a guest in a container looks like from outside, too.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from crazytrain.lab.errors import FetchFailed, ToolFailed
from crazytrain.lab.guest import Tell
from crazytrain.lab.scratch import scratch
from crazytrain.lab.tool import need, run_tool

_LIMIT_S = 1800
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_PACKAGE = "qemu-system-x86"
_PROGRAM = "qemu-system-x86_64"
# In the older suites these are folders of their own; below /usr they are what newer ones expect.
_MERGED = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")
_SHARED = ("dev", "proc", "sys", "tmp", "root", "home", "run", "srv", "mnt", "opt", "var/tmp")
_SITE = re.compile(r"^(https?://\S+)\|Debian\|[a-z]+$", re.MULTILINE)
_HINT = "is the network there, and does the package debian-archive-keyring know this suite?"


def qemu_of(suite: str, cache_dir: Path, tell: Tell) -> Path:
    """Return a program that runs the QEMU of a Debian suite (``bullseye``: 5.2, ``trixie``: 10.0), fetched once.

    Raises ``FetchFailed`` where apt cannot have it, ``MissingTool`` without apt, dpkg or util-linux. Needs root to run.
    """
    if not re.fullmatch(r"[a-z]{2,20}", suite):
        raise FetchFailed(f"{suite!r} is no name of a Debian suite", "bullseye, bookworm, trixie, sid")
    home = cache_dir.absolute() / "generations"
    if not (home / suite / _PROGRAM).exists():
        with scratch(home) as draft:
            _fill(draft, suite, tell)
            _write_runner(draft, home / suite)
            draft.rename(home / suite)
    return home / suite / _PROGRAM


def _fill(draft: Path, suite: str, tell: Tell) -> None:
    """Download QEMU with all that it needs there, and unpack it."""
    (draft / "lists" / "partial").mkdir(parents=True)
    (draft / "archives" / "partial").mkdir(parents=True)
    (draft / "status").touch()
    source = f"deb [signed-by={_KEYRING}] {_mirror(draft)} {suite} main\n"
    (draft / "sources.list").write_text(source, "ascii")
    tell(f"fetching QEMU of {suite}")
    _apt(draft, "update")
    _apt(draft, "install", "--yes", "--no-install-recommends", "--download-only", _PACKAGE)
    packages = sorted((draft / "archives").glob("*.deb"))
    tell(f"unpacking {len(packages)} packages of {suite}")
    root = draft / "root"
    _prepare(root)
    for package in packages:
        _unpack(package, root, draft)
        package.unlink()


def _mirror(folder: Path) -> str:
    """The archive that this host's apt uses for Debian."""
    indexes = ("apt-get", "indextargets", "--format", "$(SITE)|$(ORIGIN)|$(CODENAME)", "Created-By: Packages")
    found = _SITE.search(_run(folder, *indexes))
    if not found:
        raise FetchFailed("apt knows of no Debian archive here", "run apt-get update, on a Debian host")
    return found[1]


def _apt(draft: Path, *words: str) -> None:
    where = {
        "Dir::Etc::sourcelist": draft / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::State::lists": draft / "lists",
        "Dir::State::status": draft / "status",
        "Dir::Cache::archives": draft / "archives",
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
        "APT::Sandbox::User": "",
        "Acquire::Retries": 2,
    }
    _run(draft, "apt-get", "-q", *(f"-o{name}={value}" for name, value in where.items()), *words)


def _prepare(root: Path) -> None:
    for name in _MERGED:
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for name in _SHARED:
        (root / name).mkdir(parents=True, exist_ok=True)


def _unpack(package: Path, root: Path, folder: Path) -> None:
    """Unpack as into a merged /usr: what is a link already stays one."""
    words = f"dpkg-deb --fsys-tarfile {shlex.quote(str(package))} | tar -x --keep-directory-symlink -f -"
    _run(folder, "sh", "-ec", f"cd {shlex.quote(str(root))} && {words}")


def _write_runner(draft: Path, final: Path) -> None:
    """The shell becomes unshare, chroot and QEMU by exec: one process, known by pid and start time from the first."""
    runner = draft / _PROGRAM
    runner.write_text("\n".join(_runner(final / "root")), "utf-8")
    runner.chmod(0o755)


def _runner(root: Path) -> Iterator[str]:
    yield "#!/bin/sh"
    yield f"# QEMU below {root}, in a mount namespace of its own"
    yield f"exec unshare --mount --propagation private sh -ec '{_BIND}' {shlex.quote(str(root))} \"$@\""
    yield ""


_BIND = f"""
for place in {" ".join(_SHARED)}; do
    if [ -d "/$place" ]; then mount --rbind "/$place" "$0/$place"; fi
done
exec chroot "$0" /usr/bin/{_PROGRAM} "$@"
"""


def _run(folder: Path, program: str, *words: str) -> str:
    try:
        return run_tool([need(program, program, _HINT), *words], cwd=folder, limit_s=_LIMIT_S)
    except ToolFailed as error:
        raise FetchFailed(str(error), _HINT) from error
