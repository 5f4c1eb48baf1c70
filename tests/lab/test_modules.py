"""Modules of a Linux guest's kernel: which, from where, and what is said where there are none."""

import gzip
import lzma
from pathlib import Path

import pytest

from crazytrain.lab import modules
from crazytrain.lab.cache import Cache
from crazytrain.lab.errors import FetchFailed, LabError
from crazytrain.lab.initramfs import make_initramfs
from crazytrain.lab.modules import KEPT, VIRTIO_PCI, choose_modules, version_of
from tests.lab.conftest import silent

PACKAGE = "linux-image-6.1.0-9-cloud-amd64"
VERSION_AT = 0x300


def image(version: bytes) -> bytes:
    """As much of a bzImage as says its version."""
    head = bytearray(0x400)
    head[0x202:0x206], head[0x20E:0x210] = b"HdrS", (VERSION_AT - 0x200).to_bytes(2, "little")
    head[VERSION_AT : VERSION_AT + len(version)] = version
    return bytes(head)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def kernel(cache: Cache, tmp_path: Path) -> Path:
    (tmp_path / "vmlinuz").write_bytes(image(b"6.1.0-9-cloud-amd64 (x@y) #1"))
    return cache.keep("kernel", PACKAGE, tmp_path / "vmlinuz")


class Package:
    """Stands for apt: a package with these modules, one of them packed."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.fetched: list[str] = []

    def __call__(self, *, folder: Path, hint: str, tell: object) -> "Package":
        del hint, tell
        self.folder = folder
        return self

    def fetch(self, package: str) -> Path:
        self.fetched.append(package)
        root = self.folder / "root" / "lib"
        root.mkdir(parents=True)
        for name in self.names:
            (root / f"{name}.ko").write_bytes(name.encode())
        if self.names:
            (root / f"{self.names[0]}.ko").unlink()
            (root / f"{self.names[0]}.ko.xz").write_bytes(lzma.compress(self.names[0].encode()))
        return root.parent


def test_they_are_fetched_once_and_come_in_the_order_that_was_asked_for(
    cache: Cache, kernel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modules, "Apt", apt := Package(KEPT))
    wanted = ("virtio_blk", *VIRTIO_PCI)
    found = choose_modules(wanted, kernel, cache, silent)
    assert tuple(found) == wanted
    assert all(data == name.encode() for name, data in found.items())
    choose_modules(("virtio_balloon", "virtio_console"), kernel, cache, silent)
    assert apt.fetched == [PACKAGE]


def test_a_package_without_them_is_said_to_be_one(cache: Cache, kernel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modules, "Apt", Package(("virtio",)))
    with pytest.raises(FetchFailed, match=f"{PACKAGE} holds no module virtio_ring"):
        choose_modules(("virtio", "virtio_ring"), kernel, cache, silent)


def test_a_kernel_of_the_users_own_needs_its_modules_on_this_host(cache: Cache, tmp_path: Path) -> None:
    (tmp_path / "bzImage").write_bytes(image(b"0.0.0-none"))
    assert choose_modules((), tmp_path / "bzImage", cache, silent) == {}
    with pytest.raises(LabError, match="needs modules of it that are not here"):
        choose_modules(("virtio",), tmp_path / "bzImage", cache, silent)


@pytest.mark.parametrize(
    ("said", "version"),
    [(b"6.1.0-9-cloud-amd64 (x@y) #1", "6.1.0-9-cloud-amd64"), (b"../../etc", "unknown"), (b"", "unknown")],
)
def test_the_version_of_a_kernel_is_what_its_image_says(tmp_path: Path, said: bytes, version: str) -> None:
    (tmp_path / "bzImage").write_bytes(image(said))
    assert version_of(tmp_path / "bzImage") == version


def test_modules_are_loaded_in_order_before_all_else() -> None:
    packed = make_initramfs(b"box", "\necho READY\n", {}, modules={"b": b"BB", "a": b"AA"})
    text = gzip.decompress(packed)
    places = [text.index(word) for word in (b"insmod /modules/b.ko", b"insmod /modules/a.ko", b"echo READY")]
    assert places == sorted(places)
    assert make_initramfs(b"box", "x", {}, modules={}) == make_initramfs(b"box", "x", {})
