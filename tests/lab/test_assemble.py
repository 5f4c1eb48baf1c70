import os
import resource
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from crazytrain.lab.assemble import assemble, sources
from crazytrain.lab.busybox import is_static_program
from crazytrain.lab.cache import Cache
from crazytrain.lab.errors import MissingTool, ToolFailed
from crazytrain.lab.guest import BootSector, Linux
from crazytrain.lab.guests import GUESTS
from tests.lab.conftest import silent
from tests.support import skip_real

SECTORS = [(guest.image.source, guest.image.defines) for guest in GUESTS if isinstance(guest.image, BootSector)]
PROGRAMS = sorted({name for guest in GUESTS if isinstance(guest.image, Linux) for name in guest.image.programs})


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    if shutil.which("nasm") is None:
        skip_real("nasm is not installed")
    return Cache(tmp_path / "cache")


def test_every_source_belongs_to_a_guest() -> None:
    assert {f"{name}.asm" for name in [*PROGRAMS, *(name for name, _ in SECTORS)]} == {
        name for name in sources() if name.endswith(".asm")
    }


@pytest.mark.parametrize(("name", "defines"), SECTORS)
def test_a_boot_sector_is_one(cache: Cache, name: str, defines: tuple[tuple[str, int], ...]) -> None:
    sector = assemble(name, defines, cache, silent).read_bytes()
    assert len(sector) == 512
    assert sector[-2:] == b"\x55\xaa"


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_static(cache: Cache, name: str) -> None:
    assert is_static_program(assemble(name, (), cache, silent).read_bytes())


def test_a_second_time_needs_no_nasm(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    first = assemble("busy", (), cache, silent)
    monkeypatch.setenv("PATH", "")
    assert assemble("busy", (), cache, silent) == first
    with pytest.raises(MissingTool, match="nasm is not installed") as caught:
        assemble("user-spin", (), cache, silent)
    assert "apt-get install nasm" in caught.value.hint


def test_another_port_is_another_sector(cache: Cache) -> None:
    one, other = (assemble("pio-poll", (("PORT", port),), cache, silent) for port in (0x3FD, 0x608))
    assert one != other
    assert one.read_bytes() != other.read_bytes()


def test_what_nasm_refuses_is_told_in_its_words(cache: Cache) -> None:
    with pytest.raises(ToolFailed, match=r"pio-poll\.asm:\d+: error: .*PORT"):
        assemble("pio-poll", (), cache, silent)
    assert not list(cache.folder.rglob("*.bin"))


def run_lines(program: Path, folder: Path, lines: int) -> tuple[list[str], float]:
    """Run a program until it printed so many lines; return them, and its CPU time per time that passed."""
    copy = folder / "program"
    shutil.copyfile(program, copy)
    copy.chmod(0o755)
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    with subprocess.Popen([copy], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        printed = [child.stdout.readline() for _ in range(lines)]
        child.kill()
    passed_s, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    return printed, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / passed_s


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the programs are for x86-64")
class TestPrograms:
    """They are plain static programs: they run on the host as well."""

    def test_busy_computes_for_a_part_of_the_time(self, cache: Cache, tmp_path: Path) -> None:
        printed, share = run_lines(assemble("busy", (), cache, silent), tmp_path, 10)
        counts = [int(line.removeprefix("progress ")) for line in printed]
        assert counts == sorted(set(counts))
        assert 0.05 < share < 0.45

    def test_user_spin_counts_its_units(self, cache: Cache, tmp_path: Path) -> None:
        printed, _ = run_lines(assemble("user-spin", (), cache, silent), tmp_path, 3)
        assert printed == ["progress 100\n", "progress 200\n", "progress 300\n"]
