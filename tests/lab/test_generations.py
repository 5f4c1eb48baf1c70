"""Another generation's QEMU, out of a package of our own making: the archive is a script that plays apt-get."""

import os
import subprocess
from pathlib import Path

import pytest

from crazytrain.lab.errors import FetchFailed
from crazytrain.lab.generations import qemu_of
from tests.support import skip_real

APT = """#!/bin/sh
echo "$@" >>"$ASKED"
case " $* " in
*indextargets*) echo 'cdrom:[disk]/|Debian|bookworm'; echo 'http://mirror.example/debian|Debian|bookworm' ;;
*" install "*) [ "$REFUSES" ] && { echo 'E: no such suite' >&2; exit 100; }; cp "$PACKAGE" archives/ ;;
esac
"""
CONTROL = "Package: made\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.net>\nDescription: made\n"


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What apt-get was asked, one line each."""
    package, tools = tmp_path / "package", tmp_path / "bin"
    for name, text in {"DEBIAN/control": CONTROL, "usr/bin/qemu-system-x86_64": "new", "lib64/ld.so": "old"}.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    try:
        subprocess.run(["dpkg-deb", "--build", package, tmp_path / "made.deb"], check=True, capture_output=True)
    except FileNotFoundError:
        skip_real("dpkg-deb is not installed")
    tools.mkdir()
    (tools / "apt-get").write_text(APT)
    (tools / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setenv("PACKAGE", str(tmp_path / "made.deb"))
    monkeypatch.setenv("ASKED", str(tmp_path / "asked"))
    monkeypatch.setenv("REFUSES", "")
    return tmp_path / "asked"


def silent(_line: str) -> None:
    """Hear nothing."""


def test_it_is_unpacked_below_usr_and_fetched_once(asked: Path, tmp_path: Path) -> None:
    program = qemu_of("trixie", tmp_path / "cache", silent)
    root = program.parent / "root"
    assert (root / "usr/bin/qemu-system-x86_64").read_text() == "new"
    assert (root / "usr/lib64/ld.so").read_text() == "old"
    assert (root / "lib64").is_symlink()
    assert (program.parent / "sources.list").read_text().endswith("] http://mirror.example/debian trixie main\n")
    times = len(asked.read_text().splitlines())
    assert qemu_of("trixie", tmp_path / "cache", silent) == program
    assert len(asked.read_text().splitlines()) == times


def test_what_it_runs_is_that_program_in_that_root(asked: Path, tmp_path: Path) -> None:
    program = qemu_of("trixie", tmp_path / "cache", silent)
    text = program.read_text()
    assert os.access(program, os.X_OK)
    assert str(program.parent / "root") in text
    assert 'exec chroot "$0" /usr/bin/qemu-system-x86_64 "$@"' in text
    assert subprocess.run(["sh", "-n", program], check=False).returncode == 0
    assert asked.exists()


def test_what_cannot_be_fetched_leaves_nothing(asked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFUSES", "yes")
    with pytest.raises(FetchFailed, match="no such suite"):
        qemu_of("buzz", tmp_path / "cache", silent)
    assert list((tmp_path / "cache" / "generations").iterdir()) == []
    assert asked.exists()


@pytest.mark.parametrize("suite", ["", "../etc", "trixie main", "Trixie", "stable\nx"])
def test_a_name_that_is_none_is_refused(suite: str, tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match="no name of a Debian suite"):
        qemu_of(suite, tmp_path, silent)
    assert list(tmp_path.iterdir()) == []
