import os
import subprocess
import sys
from pathlib import Path

import pytest

from crazytrain.lab.cache import Cache
from crazytrain.lab.process import boot_id, myself
from crazytrain.lab.scratch import scratch, sweep


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "vmlinuz"
    path.write_bytes(b"kernel")
    return path


def test_what_was_kept_is_found(cache: Cache, file: Path) -> None:
    assert cache.find("kernel", "6.1") is None
    kept = cache.keep("kernel", "6.1", file)
    assert cache.find("kernel", "6.1") == kept
    assert cache.newest("kernel") == kept
    assert kept.read_bytes() == b"kernel"


def test_a_damaged_file_is_thrown_away(cache: Cache, file: Path) -> None:
    cache.keep("kernel", "6.1", file).write_bytes(b"kern")
    assert cache.newest("kernel") is None
    assert not (cache.folder / "kernel" / "6.1").exists()
    assert cache.keep("kernel", "6.1", file).read_bytes() == b"kernel"


@pytest.mark.parametrize("lost", ["sha256", "vmlinuz"])
def test_half_an_entry_is_no_entry(cache: Cache, file: Path, lost: str) -> None:
    entry = cache.keep("kernel", "6.1", file).parent
    (entry / lost).unlink()
    assert cache.find("kernel", "6.1") is None
    assert cache.keep("kernel", "6.1", file).is_file()


def test_the_newest_whole_one_is_taken(cache: Cache, file: Path) -> None:
    old, new = (cache.keep("kernel", version, file) for version in ("6.1", "6.12"))
    os.utime(old.parent, (1, 1))
    assert cache.newest("kernel") == new
    new.write_bytes(b"")
    assert cache.newest("kernel") == old


def test_two_that_keep_the_same_agree(cache: Cache, file: Path) -> None:
    assert cache.keep("kernel", "6.1", file) == cache.keep("kernel", "6.1", file)
    assert [path.name for path in (cache.folder / "kernel").iterdir()] == ["6.1"]


def test_a_scratch_folder_is_gone_whatever_happens(tmp_path: Path) -> None:
    def interrupted() -> None:
        with scratch(tmp_path) as folder:
            (folder / "half").write_bytes(b"x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_a_killed_makers_scratch_is_swept_and_a_living_ones_is_not(tmp_path: Path) -> None:
    killed = "import os, pathlib, sys\nfrom crazytrain.lab.scratch import scratch\n"
    killed += "with scratch(pathlib.Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", killed, tmp_path], check=False)
    assert len(list(tmp_path.glob(".making-*"))) == 1
    with scratch(tmp_path) as mine:
        assert list(tmp_path.glob(".making-*")) == [mine]


def test_what_was_left_before_a_reboot_is_swept(tmp_path: Path) -> None:
    me = myself()
    (tmp_path / f".making-{me.pid}-{me.start_ticks}-{'0' * len(boot_id().replace('-', ''))}-abc").mkdir()
    (tmp_path / ".making-nonsense").mkdir()
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []
