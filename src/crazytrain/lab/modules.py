"""Modules of a Linux guest's kernel: out of the package that the kernel came from, or the host's where the user gave one."""

import lzma
from collections.abc import Mapping, Sequence
from pathlib import Path

from crazytrain.lab.cache import Cache
from crazytrain.lab.debian import Apt
from crazytrain.lab.errors import FetchFailed, LabError
from crazytrain.lab.guest import Tell
from crazytrain.lab.kernel import HINT
from crazytrain.lab.scratch import scratch

VIRTIO_PCI = ("virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci")
"""What drives any virtio device on PCI, in the order in which they are loaded."""
KEPT = (*VIRTIO_PCI, "virtio_balloon", "virtio_blk", "virtio_console")
"""What is kept of a package, so that the next guest need not fetch it again."""

_KIND = "module"
# Where the image says what its modules' folder is called (Documentation/arch/x86/boot.rst: kernel_version).
_VERSION_AT, _VERSION_FROM, _VERSION_BYTES = 0x20E, 0x200, 128


def choose_modules(names: Sequence[str], kernel: Path, cache: Cache, tell: Tell) -> dict[str, bytes]:
    """Return the modules of those names, which are among ``KEPT``, for a kernel image, in the same order.

    ``FetchFailed`` where the kernel's package cannot be had any more or has them in no form that is known, ``LabError``
    where a kernel of the user's own has none of them on this host.
    """
    if not names:
        return {}
    if not kernel.is_relative_to(cache.folder / "kernel"):
        return _checked(names, _unpacked(names, Path("/lib/modules", version_of(kernel))), kernel)
    package = kernel.parent.name
    kept = _kept(names, package, cache)
    if len(kept) < len(names):
        _fetch(package, cache, tell)
        kept = _kept(names, package, cache)
    if missing := [name for name in names if name not in kept]:
        raise FetchFailed(f"{package} holds no module {', '.join(missing)}", HINT)
    return kept


def version_of(kernel: Path) -> str:
    """Return the version of a kernel image (bzImage), as ``uname -r`` says it there."""
    head = kernel.read_bytes()[:0x10000]
    start = int.from_bytes(head[_VERSION_AT : _VERSION_AT + 2], "little") + _VERSION_FROM
    words = head[start : start + _VERSION_BYTES].split(b"\0")[0].decode("ascii", "replace").split()
    return words[0] if words and "/" not in words[0] else "unknown"


def _kept(names: Sequence[str], package: str, cache: Cache) -> dict[str, bytes]:
    found = {name: cache.find(_KIND, f"{package}-{name}") for name in names}
    return {name: path.read_bytes() for name, path in found.items() if path}


def _fetch(package: str, cache: Cache, tell: Tell) -> None:
    with scratch(cache.folder / _KIND) as folder:
        root = Apt(folder=folder, hint=HINT, tell=tell).fetch(package)
        for name, data in _unpacked(KEPT, root).items():
            (folder / f"{name}.ko").write_bytes(data)
            cache.keep(_KIND, f"{package}-{name}", folder / f"{name}.ko")


def _unpacked(names: Sequence[str], root: Path) -> dict[str, bytes]:
    """Those modules that there are below a folder."""
    found = {}
    for name in names:
        for path in sorted((*root.rglob(f"{name}.ko"), *root.rglob(f"{name}.ko.xz"))):
            found[name] = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
    return found


def _checked(names: Sequence[str], found: Mapping[str, bytes], kernel: Path) -> dict[str, bytes]:
    if missing := [name for name in names if name not in found]:
        hint = "leave out --kernel, or give one whose modules are in /lib/modules"
        raise LabError(f"{kernel}: this guest needs modules of it that are not here ({', '.join(missing)})", hint)
    return dict(found)
