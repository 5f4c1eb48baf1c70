"""The kernel that the Linux guests boot: the user's own, the one kept, or Debian's cloud kernel."""

from pathlib import Path

from crazytrain.lab.cache import Cache
from crazytrain.lab.debian import Apt
from crazytrain.lab.errors import FetchFailed, LabError
from crazytrain.lab.guest import Tell
from crazytrain.lab.scratch import scratch

METAPACKAGE = "linux-image-cloud-amd64"
HINT = "give a kernel of your own with --kernel FILE, for instance /boot/vmlinuz-$(uname -r)"
# The boot protocol's magic, at the same place in every bzImage (Documentation/arch/x86/boot.rst).
_MAGIC, _MAGIC_AT = b"HdrS", 0x202


def choose_kernel(given: Path | None, cache: Cache, tell: Tell) -> Path:
    """Return a kernel image that boots on x86-64: ``given``, or from the cache, or fetched from Debian into it.

    ``LabError`` when ``given`` is none, ``FetchFailed`` when Debian cannot be had.
    """
    if given is not None:
        return _checked(given)
    return cache.newest("kernel") or _fetch(cache, tell)


def _checked(given: Path) -> Path:
    try:
        with given.open("rb") as file:
            head = file.read(0x400)
    except OSError as error:
        raise LabError(f"{given}: {error.strerror}", "give a kernel that you may read") from error
    if head[_MAGIC_AT : _MAGIC_AT + 4] != _MAGIC:
        raise LabError(f"{given} is no x86 kernel image (bzImage)", "it is usually /boot/vmlinuz-VERSION")
    return given.resolve()


def _fetch(cache: Cache, tell: Tell) -> Path:
    with scratch(cache.folder / "kernel") as folder:
        apt = Apt(folder=folder, hint=HINT, tell=tell)
        package = apt.dependency(METAPACKAGE)
        image = image_in(apt.fetch(package), package)
        kept = cache.keep("kernel", package, image)
    tell(f"kept {kept.name}")
    return kept


def image_in(root: Path, package: str) -> Path:
    """Return the kernel image in an unpacked package, checked; ``FetchFailed`` when it holds none."""
    for pattern in ("boot/vmlinuz-*", "usr/lib/modules/*/vmlinuz", "lib/modules/*/vmlinuz"):
        for image in root.glob(pattern):
            return _checked(image)
    raise FetchFailed(f"{package} holds no kernel image", HINT)
