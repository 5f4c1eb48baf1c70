"""Fetching a kernel, with an apt that does as it is told: what the real one does is seen by the real guests."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from crazytrain.lab.cache import Cache
from crazytrain.lab.errors import FetchFailed, LabError, MissingTool
from crazytrain.lab.kernel import choose_kernel
from crazytrain.lab.process import find_process, is_alive
from crazytrain.lab.wait import wait_until
from tests.lab.conftest import silent

IMAGE = b"\0" * 0x202 + b"HdrS" + b"\0" * 0x400

APT_CACHE = """#!/bin/sh
case "$*" in *lists=*) ;; *) [ -e "$APT/no-lists" ] && { echo "E: No packages found"; exit 100; } ;; esac
case "$*" in
*depends*) echo "linux-image-cloud-amd64"; echo "  Depends: linux-image-6.1.0-9-cloud-amd64" ;;
esac
"""

APT_GET = """#!/bin/sh
case "$*" in *lists=* | *update*) ;; *) [ -e "$APT/no-source" ] && { echo "E: Can't find a source"; exit 100; } ;; esac
case "$*" in
*update*) echo "$*" >"$APT/updated"; exit 0 ;;
*print-uris*) echo "'http://x/y.deb' y.deb 1048576 SHA256:00ff"; exit 0 ;;
esac
for package; do :; done
head -c 500 /dev/zero >"${package}_6.1_amd64.deb"
if [ -e "$APT/hangs" ]; then echo $$ >"$APT/pid.new"; mv "$APT/pid.new" "$APT/pid"; exec sleep 1000; fi
if [ -e "$APT/refuses" ]; then echo "E: Hash Sum mismatch"; exit 100; fi
"""

DPKG_DEB = """#!/bin/sh
mkdir -p "$3/boot" && cp "$APT/image" "$3/boot/vmlinuz-6.1.0-9-cloud-amd64"
"""

FETCH = """
import pathlib, sys
from crazytrain.lab.cache import Cache
from crazytrain.lab.kernel import choose_kernel
choose_kernel(None, Cache(pathlib.Path(sys.argv[1])), print)
"""


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that stands for apt: files in it say how it behaves."""
    folder = tmp_path / "apt"
    folder.mkdir()
    for name, script in (("apt-cache", APT_CACHE), ("apt-get", APT_GET), ("dpkg-deb", DPKG_DEB)):
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    (folder / "image").write_bytes(IMAGE)
    monkeypatch.setenv("APT", str(folder))
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def left_in(cache: Cache) -> list[str]:
    return sorted(str(path.relative_to(cache.folder)) for path in cache.folder.rglob("*") if path.is_file())


def test_the_kernel_is_fetched_once(apt: Path, cache: Cache) -> None:
    told: list[str] = []
    kept = choose_kernel(None, cache, told.append)
    assert kept.read_bytes() == IMAGE
    assert told[0] == "downloading linux-image-6.1.0-9-cloud-amd64 (1.0 MiB)"
    entry = "kernel/linux-image-6.1.0-9-cloud-amd64"
    assert left_in(cache) == [f"{entry}/sha256", f"{entry}/vmlinuz-6.1.0-9-cloud-amd64"]
    (apt / "refuses").touch()
    assert choose_kernel(None, cache, told.append) == kept


@pytest.mark.parametrize("lacking", ["no-lists", "no-source"])
def test_a_host_without_package_lists_gets_them_for_this_one_time(apt: Path, cache: Cache, lacking: str) -> None:
    (apt / lacking).touch()
    assert choose_kernel(None, cache, silent).is_file()
    assert "Dir::State::lists=" + str(cache.folder) in (apt / "updated").read_text()
    assert not list(cache.folder.rglob("lists"))


def test_what_apt_did_not_check_is_not_taken(apt: Path, cache: Cache) -> None:
    (apt / "refuses").touch()
    with pytest.raises(FetchFailed, match="Hash Sum mismatch") as caught:
        choose_kernel(None, cache, silent)
    assert "--kernel FILE" in caught.value.hint
    assert left_in(cache) == []


def test_a_package_without_a_kernel_is_refused(apt: Path, cache: Cache) -> None:
    (apt / "image").write_bytes(b"no kernel")
    with pytest.raises(LabError, match="no x86 kernel image"):
        choose_kernel(None, cache, silent)
    assert left_in(cache) == []


def test_without_apt_the_way_out_is_told(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingTool, match="apt-cache is not installed") as caught:
        choose_kernel(None, cache, silent)
    assert "--kernel FILE" in caught.value.hint


def test_ctrl_c_while_it_downloads_leaves_nothing(apt: Path, cache: Cache) -> None:
    (apt / "hangs").touch()
    with subprocess.Popen([sys.executable, "-c", FETCH, cache.folder], stderr=subprocess.DEVNULL) as child:
        assert wait_until((apt / "pid").exists, 30)
        apt_get = find_process(int((apt / "pid").read_text()))
        assert apt_get is not None
        child.send_signal(signal.SIGINT)
        assert child.wait(timeout=30) != 0
    assert not is_alive(apt_get)
    assert list((cache.folder / "kernel").iterdir()) == []
    (apt / "hangs").unlink()
    assert choose_kernel(None, cache, silent).read_bytes() == IMAGE


def test_what_a_killed_download_left_is_swept_by_the_next(apt: Path, cache: Cache) -> None:
    (apt / "hangs").touch()
    with subprocess.Popen([sys.executable, "-c", FETCH, cache.folder]) as child:
        assert wait_until((apt / "pid").exists, 30)
        child.kill()
    os.kill(int((apt / "pid").read_text()), signal.SIGKILL)
    assert len(list((cache.folder / "kernel").iterdir())) == 1
    (apt / "hangs").unlink()
    assert choose_kernel(None, cache, silent).is_file()
    assert not list(cache.folder.rglob(".making-*"))


class TestOwnKernel:
    def test_is_taken_as_it_is(self, cache: Cache, tmp_path: Path) -> None:
        (tmp_path / "vmlinuz").write_bytes(IMAGE)
        assert choose_kernel(tmp_path / "vmlinuz", cache, silent) == tmp_path / "vmlinuz"
        assert not cache.folder.exists()

    @pytest.mark.parametrize("content", [b"", b"\x7fELF" + b"\0" * 0x400])
    def test_that_is_none_is_refused(self, cache: Cache, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "vmlinuz").write_bytes(content)
        with pytest.raises(LabError, match=f"{tmp_path}/vmlinuz is no x86 kernel image"):
            choose_kernel(tmp_path / "vmlinuz", cache, silent)

    def test_that_is_absent_is_named(self, cache: Cache, tmp_path: Path) -> None:
        with pytest.raises(LabError, match=f"{tmp_path}/absent: No such file"):
            choose_kernel(tmp_path / "absent", cache, silent)
