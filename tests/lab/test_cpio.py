import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crazytrain.lab.cpio import Entry, folder, link, program, write_newc

ENTRIES = [
    folder("bin"),
    program("bin/tool", b"\x7fELF and more"),
    link("bin/sh", "tool"),
    program("init", b"#!/bin/sh\n"),
    program("empty", b""),
]
NAMES = ["bin", "bin/tool", "bin/sh", "init", "empty"]


def read_newc(archive: bytes) -> list[tuple[str, int, bytes]]:
    """Read an archive by the kernel's description of the format: name, mode, content of each member."""
    members: list[tuple[str, int, bytes]] = []
    at = 0
    while True:
        assert archive[at : at + 6] == b"070701"
        fields = [int(archive[at + 6 + 8 * number : at + 14 + 8 * number], 16) for number in range(13)]
        mode, size, name_size = fields[1], fields[6], fields[11]
        name = archive[at + 110 : at + 110 + name_size].decode()
        assert name.endswith("\0")
        data_at = (at + 110 + name_size + 3) // 4 * 4
        if name == "TRAILER!!!\0":
            return members
        members.append((name[:-1], mode, archive[data_at : data_at + size]))
        at = (data_at + size + 3) // 4 * 4


CPIOS = [["cpio"], ["busybox", "cpio"]]


@pytest.mark.parametrize("cpio", CPIOS, ids=lambda command: command[0])
def test_another_cpio_unpacks_what_was_packed(cpio: list[str], tmp_path: Path) -> None:
    if shutil.which(cpio[0]) is None:
        pytest.skip(f"{cpio[0]} is not installed; read_newc checks the same")
    archive = write_newc(ENTRIES)
    listed = subprocess.run([*cpio, "-t"], input=archive, check=True, capture_output=True).stdout.decode()
    assert listed.split() == NAMES
    subprocess.run([*cpio, "-i", "-d"], input=archive, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "bin/tool").read_bytes() == b"\x7fELF and more"
    assert stat.S_IMODE((tmp_path / "init").stat().st_mode) == 0o755
    assert (tmp_path / "bin/sh").readlink() == Path("tool")
    assert (tmp_path / "empty").read_bytes() == b""


@given(st.lists(st.tuples(st.from_regex(r"[a-z0-9_/.]{1,40}", fullmatch=True), st.binary(max_size=70)), max_size=8))
def test_every_name_and_content_comes_back(files: list[tuple[str, bytes]]) -> None:
    archive = write_newc([Entry(name=name, mode=stat.S_IFREG | 0o644, data=data) for name, data in files])
    assert read_newc(archive) == [(name, stat.S_IFREG | 0o644, data) for name, data in files]
    assert len(archive) % 4 == 0


def test_the_same_entries_give_the_same_bytes() -> None:
    assert write_newc(ENTRIES) == write_newc(list(ENTRIES))
