"""The cloud kernel of another Debian suite: bullseye 5.10, bookworm 6.1, trixie 6.12, sid the newest that there is."""

import re
from pathlib import Path

from crazytrain.lab.cache import Cache
from crazytrain.lab.errors import FetchFailed
from crazytrain.lab.guest import Tell
from crazytrain.lab.kernel import HINT, METAPACKAGE, image_in
from crazytrain.lab.scratch import scratch
from crazytrain.lab.suites import Suite, check_suite, run_or_fail

SUITES = ("bullseye", "bookworm", "trixie", "sid")
_KIND = "kernel-of"


def kernel_of(suite: str, cache_dir: Path, tell: Tell) -> Path:
    """Return the cloud kernel (bzImage) of a Debian suite, fetched once into the lab's cache.

    A kept one stays, though the suite may have a newer one by now: clear ``cache_dir``/kernel-of to have that. Raises
    ``FetchFailed`` where apt cannot have it, ``MissingTool`` without apt or dpkg.
    """
    check_suite(suite)
    cache = Cache(cache_dir.absolute())
    return cache.find(_KIND, suite) or _fetch(suite, cache, tell)


def _fetch(suite: str, cache: Cache, tell: Tell) -> Path:
    with scratch(cache.folder / _KIND) as draft:
        source = Suite(folder=draft, name=suite)
        tell(f"fetching the list of packages of {suite}")
        source.prepare()
        package = _package_of_image(source)
        tell(f"fetching {package}")
        source.apt("apt-get", "download", package)
        root = draft / "root"
        run_or_fail(draft, "dpkg-deb", "-x", str(_downloaded(draft, package)), str(root))
        return cache.keep(_KIND, suite, image_in(root, package))


def _package_of_image(source: Suite) -> str:
    """The package that the metapackage means; since 7.x that one is empty and another (linux-binary-...) has the image."""
    package = _dependency(source, METAPACKAGE, "linux-image-")
    if package is None:
        raise FetchFailed(f"apt does not know what {METAPACKAGE} of {source.name} depends on", HINT)
    return _dependency(source, package, "linux-binary-") or package


def _dependency(source: Suite, package: str, prefix: str) -> str | None:
    said = source.apt("apt-cache", "depends", "--important", package)
    found = re.search(rf"^\s*(?:Pre)?Depends: ({prefix}[a-z0-9.+~-]+)$", said, re.MULTILINE)
    return found[1] if found else None


def _downloaded(folder: Path, package: str) -> Path:
    for path in folder.glob(f"{package}_*.deb"):
        return path
    raise FetchFailed(f"apt-get download {package} ended well but left no package", HINT)
