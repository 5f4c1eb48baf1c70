"""QEMU of another generation: unpacked from another Debian suite into the cache, and run in that root.

Nothing is installed. apt checks what it downloads against the suite's signed list. QEMU runs by chroot in a mount
namespace of its own, where the host's /dev, /proc, /sys and the places of the lab's files are at their usual paths: what
a guest in a container looks like from outside, too.
"""

import shlex
from collections.abc import Iterator
from pathlib import Path

from crazytrain.lab.guest import Tell
from crazytrain.lab.scratch import scratch
from crazytrain.lab.suites import Suite, check_suite, run_or_fail

_PACKAGE = "qemu-system-x86"
_PROGRAM = "qemu-system-x86_64"
# In the older suites these are folders of their own; below /usr they are what newer ones expect.
_MERGED = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")
_SHARED = ("dev", "proc", "sys", "tmp", "root", "home", "run", "srv", "mnt", "opt", "var/tmp")


def qemu_of(suite: str, cache_dir: Path, tell: Tell) -> Path:
    """Return a program that runs the QEMU of a Debian suite (``bullseye``: 5.2, ``trixie``: 10.0), fetched once.

    Raises ``FetchFailed`` where apt cannot have it, ``MissingTool`` without apt, dpkg or util-linux. Needs root to run.
    """
    check_suite(suite)
    home = cache_dir.absolute() / "generations"
    if not (home / suite / _PROGRAM).exists():
        with scratch(home) as draft:
            _fill(draft, suite, tell)
            _write_runner(draft, home / suite)
            draft.rename(home / suite)
    return home / suite / _PROGRAM


def _fill(draft: Path, suite: str, tell: Tell) -> None:
    """Download QEMU with all that it needs there, and unpack it."""
    source = Suite(folder=draft, name=suite)
    tell(f"fetching QEMU of {suite}")
    source.prepare()
    source.apt("apt-get", "install", "--yes", "--no-install-recommends", "--download-only", _PACKAGE)
    packages = source.packages()
    tell(f"unpacking {len(packages)} packages of {suite}")
    root = draft / "root"
    _prepare(root)
    for package in packages:
        _unpack(package, root, draft)
        package.unlink()


def _prepare(root: Path) -> None:
    for name in _MERGED:
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for name in _SHARED:
        (root / name).mkdir(parents=True, exist_ok=True)


def _unpack(package: Path, root: Path, folder: Path) -> None:
    """Unpack as into a merged /usr: what is a link already stays one."""
    words = f"dpkg-deb --fsys-tarfile {shlex.quote(str(package))} | tar -x --keep-directory-symlink -f -"
    run_or_fail(folder, "sh", "-ec", f"cd {shlex.quote(str(root))} && {words}")


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
