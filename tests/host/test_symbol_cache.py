"""What is kept of guests' kernels: for one guest each, ours alone, bounded."""

import os
from pathlib import Path

import pytest

from crazytrain.host import symbol_cache
from crazytrain.model.guest import ProcessId

GUEST = ProcessId(pid=700, start_ticks=500, boot_id="a")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CRAZYTRAIN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "inside"


def keep(process: ProcessId, data: bytes) -> None:
    source = os.memfd_create("test")
    try:
        os.write(source, data)
        symbol_cache.keep(process, source, len(data))
    finally:
        os.close(source)


def kept(process: ProcessId) -> bytes | None:
    found = symbol_cache.opened(process)
    if found is None:
        return None
    fd, size = found
    try:
        assert os.fstat(fd).st_size == size
        return os.read(fd, size)
    finally:
        os.close(fd)


def test_it_is_one_guests() -> None:
    keep(GUEST, b"symbols")
    assert kept(GUEST) == b"symbols"
    assert kept(ProcessId(pid=700, start_ticks=501, boot_id="a")) is None
    assert kept(ProcessId(pid=700, start_ticks=500, boot_id="b")) is None
    assert kept(ProcessId(pid=701, start_ticks=500, boot_id="a")) is None


def test_nothing_is_kept_of_nothing(folder: Path) -> None:
    keep(GUEST, b"")
    assert kept(GUEST) is None
    assert not folder.exists()


def test_a_folder_that_others_may_enter_is_not_used(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    keep(GUEST, b"symbols")
    assert not list(folder.iterdir())


def test_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    keep(GUEST, b"symbols")
    (entry,) = folder.iterdir()
    secret = tmp_path / "secret"
    secret.write_text("secret")
    entry.unlink()
    entry.symlink_to(secret)
    assert kept(GUEST) is None
    keep(GUEST, b"new")
    assert (secret.read_text(), kept(GUEST)) == ("secret", b"new")
    (tmp_path / "real").mkdir(mode=0o700)
    folder.rename(tmp_path / "cache" / "moved")
    folder.symlink_to(tmp_path / "real")
    assert kept(GUEST) is None
    keep(GUEST, b"symbols")
    assert not list((tmp_path / "real").iterdir())


def test_a_fifo_does_not_make_us_wait(folder: Path) -> None:
    keep(GUEST, b"symbols")
    (entry,) = folder.iterdir()
    entry.unlink()
    os.mkfifo(entry)
    assert kept(GUEST) is None


def test_what_is_too_large_is_not_used(folder: Path) -> None:
    keep(GUEST, b"symbols")
    (entry,) = folder.iterdir()
    os.truncate(entry, symbol_cache.MOST_BYTES + 1)
    assert kept(GUEST) is None


def test_the_oldest_go(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbol_cache, "_MOST_IN_ALL_BYTES", 30)
    guests = [ProcessId(pid=pid, start_ticks=1) for pid in range(4)]
    for age, guest in enumerate(guests[:3]):
        keep(guest, b"x" * 10)
        newest = max(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        os.utime(newest, (1000 + age, 1000 + age))
    assert kept(guests[0]) is not None  # now it is the one that was used last
    keep(guests[3], b"x" * 10)
    assert [kept(guest) is not None for guest in guests] == [True, False, True, True]


def test_it_is_where_the_user_wants_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CRAZYTRAIN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert symbol_cache.folder() == tmp_path / "crazytrain" / "inside"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert symbol_cache.folder() == tmp_path / ".cache" / "crazytrain" / "inside"
