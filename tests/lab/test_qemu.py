from pathlib import Path

import msgspec
import pytest

from crazytrain.lab.errors import LabError
from crazytrain.lab.guest import BootSector, NoDisk
from crazytrain.lab.guests import find_guest
from crazytrain.lab.home import Home
from crazytrain.lab.machine import Qemu, find_qemu, parse_version
from crazytrain.lab.qemu import Boot, command_line
from crazytrain.model.guest import Accelerator

HOME = Home(Path("/run/lab/idle-2"))
LINUX = Boot(accelerator=Accelerator.TCG, kernel=Path("/c/vmlinuz"), initramfs=Path("/c/initramfs.gz"))
SECTOR = Boot(accelerator=Accelerator.KVM, sector=Path("/run/lab/p/boot.img"))


def words(name: str, boot: Boot, version: tuple[int, int] = (7, 2)) -> str:
    return " ".join(command_line(Qemu(path="qemu", version=version), find_guest(name), boot, HOME))


def test_a_linux_guest_has_all_that_is_looked_for_later() -> None:
    line = words("idle", LINUX)
    assert line.startswith("qemu -name guest=lab-idle-2,debug-threads=on ")
    assert "-qmp unix:/run/lab/idle-2/qmp.sock,server=on,wait=off" in line
    assert "-accel tcg -machine pc -smp 1 -m 128M" in line
    assert "-serial file:/run/lab/idle-2/console.log -debugcon file:/run/lab/idle-2/debugcon.log" in line
    assert "-nodefaults -no-user-config -display none" in line
    assert "-append console=ttyS0 quiet" in line


def test_a_panic_stops_a_healthy_guest_and_keeps_the_sick_one() -> None:
    assert words("idle", LINUX).endswith(" panic=-1")
    assert words("panic-spin", LINUX).endswith(" panic=0")


@pytest.mark.parametrize(("version", "option"), [((5, 2), "-machine pc -no-hpet"), ((7, 2), "-machine pc,hpet=off")])
def test_the_rtc_guest_has_no_hpet_in_the_words_of_this_qemu(version: tuple[int, int], option: str) -> None:
    assert option in words("rtc-storm", LINUX, version)


def test_a_boot_sector_is_a_disk() -> None:
    line = words("pio-poll", SECTOR)
    assert line.endswith("-drive if=ide,format=raw,file=/run/lab/p/boot.img")
    assert "-accel kvm" in line


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)\nCopyright", (7, 2)),
        ("QEMU emulator version 10.0.0", (10, 0)),
    ],
)
def test_the_version_is_read(said: str, version: tuple[int, int]) -> None:
    assert parse_version(said) == version


def test_what_is_no_qemu_is_told() -> None:
    with pytest.raises(LabError, match="does not tell its version"):
        parse_version("hello")


def made(**how: object) -> str:
    """The command line of a guest with a boot sector that is not as usual."""
    guest = msgspec.structs.replace(find_guest("pio-poll"), **how)
    return " ".join(command_line(Qemu(path="qemu", version=(7, 2)), guest, SECTOR, HOME))


def test_more_words_know_the_guests_folder() -> None:
    assert made(arguments=("-vnc", "unix:{folder}/vnc.sock")).endswith(" -vnc unix:/run/lab/idle-2/vnc.sock")


def test_a_guest_may_start_again() -> None:
    assert "-no-reboot" in made()
    assert "-no-reboot" not in made(reboots=True)


def test_a_guest_may_have_no_disk_and_a_disk_its_own_way() -> None:
    assert "-drive" not in made(image=NoDisk())
    assert "boot.img,cache=none" in made(image=BootSector(source="disk-loop", options=",cache=none"))


def test_a_qemu_that_is_given_must_be_a_program(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="missing is no program"):
        find_qemu(tmp_path, tmp_path / "missing")


def test_the_qemu_that_is_given_is_asked(tmp_path: Path) -> None:
    other = tmp_path / "qemu"
    other.write_text("#!/bin/sh\necho QEMU emulator version 5.2.0\n")
    other.chmod(0o755)
    assert find_qemu(tmp_path, other) == Qemu(path=str(other), version=(5, 2))
