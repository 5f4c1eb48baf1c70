"""Kernels of other Debian suites, from an apt that does as it is told; the real ones boot in tools/inside-matrix."""

import os
from pathlib import Path

import pytest

from crazytrain.lab.errors import FetchFailed
from crazytrain.lab.kernel_generations import kernel_of
from tests.lab.conftest import silent

IMAGE = b"\0" * 0x202 + b"HdrS" + b"\0" * 0x400
APT = """#!/bin/sh
echo "$(basename "$0") $*" >>"$SAID/asked"
for package; do :; done
case " $* " in
*indextargets*) echo 'http://mirror.example/debian|Debian|bookworm' ;;
*" depends "*) cat "$SAID/depends-$package" ;;
*" download "*) : >"${package}_1_amd64.deb" ;;
esac
"""
DPKG_DEB = """#!/bin/sh
case "$2" in *binary*) mkdir -p "$3/usr/lib/modules/7.2" && cp "$SAID/image" "$3/usr/lib/modules/7.2/vmlinuz" ;; esac
case "$2" in *6.1.0*) mkdir -p "$3/boot" && cp "$SAID/image" "$3/boot/vmlinuz-6.1.0-9" ;; esac
mkdir -p "$3"
"""


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what apt says of packages, and what it was asked."""
    folder = tmp_path / "said"
    folder.mkdir()
    (folder / "image").write_bytes(IMAGE)
    for name, script in (("apt-get", APT), ("apt-cache", APT), ("dpkg-deb", DPKG_DEB)):
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("SAID", str(folder))
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def depends(said: Path, package: str, *on: str) -> None:
    (said / f"depends-{package}").write_text("\n".join((package, *(f"  Depends: {one}" for one in on))) + "\n")


def test_the_image_of_an_older_suite_is_fetched_once(said: Path, tmp_path: Path) -> None:
    depends(said, "linux-image-cloud-amd64", "linux-image-6.1.0-9-cloud-amd64")
    depends(said, "linux-image-6.1.0-9-cloud-amd64", "kmod", "linux-base")
    kernel = kernel_of("bookworm", tmp_path / "cache", silent)
    assert kernel == tmp_path / "cache" / "kernel-of" / "bookworm" / "vmlinuz-6.1.0-9"
    assert kernel.read_bytes() == IMAGE
    asked = (said / "asked").read_text()
    assert "sources.list" in asked
    assert kernel_of("bookworm", tmp_path / "cache", silent) == kernel
    assert (said / "asked").read_text() == asked


def test_a_newer_suite_has_the_image_in_a_package_of_its_own(said: Path, tmp_path: Path) -> None:
    depends(said, "linux-image-cloud-amd64", "linux-base-cloud-amd64", "linux-image-7.2.13+deb14-cloud-amd64")
    depends(said, "linux-image-7.2.13+deb14-cloud-amd64", "linux-base", "linux-binary-7.2.13+deb14-cloud-amd64")
    assert kernel_of("sid", tmp_path / "cache", silent).read_bytes() == IMAGE
    assert "download linux-binary-7.2.13+deb14-cloud-amd64" in (said / "asked").read_text()


def test_what_cannot_be_had_leaves_nothing(said: Path, tmp_path: Path) -> None:
    depends(said, "linux-image-cloud-amd64")
    with pytest.raises(FetchFailed, match="of trixie depends on"):
        kernel_of("trixie", tmp_path / "cache", silent)
    depends(said, "linux-image-cloud-amd64", "linux-image-empty-cloud-amd64")
    depends(said, "linux-image-empty-cloud-amd64", "linux-base")
    with pytest.raises(FetchFailed, match="holds no kernel image"):
        kernel_of("trixie", tmp_path / "cache", silent)
    assert list((tmp_path / "cache" / "kernel-of").iterdir()) == []


@pytest.mark.parametrize("suite", ["", "../sid", "Sid"])
def test_a_name_that_is_none_is_refused(suite: str, tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match="no name of a Debian suite"):
        kernel_of(suite, tmp_path, silent)
