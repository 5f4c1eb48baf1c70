"""Where a guest's kernel lies, by its own words, and what is put there; and how such a guest is started."""

from pathlib import Path

import pytest

from crazytrain.lab.errors import LabError
from crazytrain.lab.guests import find_guest
from crazytrain.lab.home import Home
from crazytrain.lab.initramfs import make_initramfs
from crazytrain.lab.machine import Qemu
from crazytrain.lab.props import poke
from crazytrain.lab.qemu import Boot, command_line
from crazytrain.lab.shell import Shell
from crazytrain.model.guest import Accelerator

IOMEM = "  04600000-053fffff : Kernel code\n"
TEXT = "ffffffff9b400000 T _text\n"


class Said(Shell):
    """A guest that says this of itself."""

    def __init__(self, symbols: str, iomem: str = IOMEM) -> None:
        super().__init__(Path("nowhere"))
        self.symbols, self.iomem = symbols, iomem

    def run(self, command: str, limit_s: float = 60.0) -> str:
        assert limit_s
        return self.iomem if "/proc/iomem" in command else self.symbols


def test_the_image_lies_in_ram_as_it_does_in_the_kernels_addresses() -> None:
    said = Said(TEXT + "ffffffff9bb4ae40 T __x64_sys_vhangup\nffffffff9bb4ae99 t not__x64_sys_vhangup\n")
    assert poke._physical(said, "gone|__x64_sys_vhangup") == ("__x64_sys_vhangup", 0x4600000 + 0x74AE40)


@pytest.mark.parametrize(
    ("symbols", "iomem"),
    [(TEXT, IOMEM), ("ffffffff9bb4ae40 d sb_lock\n", IOMEM), (TEXT + "ffffffff9bb4ae40 d sb_lock\n", "")],
)
def test_a_guest_that_does_not_say_is_left_alone(symbols: str, iomem: str) -> None:
    with pytest.raises(LabError, match="does not say where sb_lock lies"):
        poke._physical(Said(symbols, iomem), "sb_lock")


@pytest.mark.parametrize(
    ("symbols", "code"),
    [
        ("000000000002e2f8 A __preempt_count\n", "65ff0425f8e20200"),
        ("000000000002d000 D pcpu_hot\n", "65ff042508d00200"),
        ("ffffffff9d5c1018 D __preempt_count\n", "65ff042518105c9d"),
    ],
)
def test_the_count_is_found_in_each_generation(symbols: str, code: str) -> None:
    assert poke._stops_preemption(Said(symbols)).hex() == code
    with pytest.raises(LabError, match="preempt_count"):
        poke._stops_preemption(Said(""))


def test_a_guest_with_a_shell_has_its_port_and_both_cpus() -> None:
    boot = Boot(accelerator=Accelerator.TCG, kernel=Path("/c/vmlinuz"), initramfs=Path("/c/initramfs.gz"))
    home = Home(Path("/run/lab/t"))
    line = " ".join(command_line(Qemu(path="qemu", version=(7, 2)), find_guest("truth"), boot, home))
    assert "-smp 2 -m 192M" in line
    assert "-chardev socket,id=shell,path=/run/lab/t/shell.sock,server=on,wait=off" in line
    assert "file=/run/lab/t/bulk.img -device nvme" in line
    idle = " ".join(command_line(Qemu(path="qemu", version=(7, 2)), find_guest("idle"), boot, home))
    assert "shell.sock" not in idle


def test_only_a_guest_that_answers_runs_the_shell() -> None:
    assert make_initramfs(b"box", "x", {}) == make_initramfs(b"box", "x", {}, answers=False)
    assert make_initramfs(b"box", "x", {}) != make_initramfs(b"box", "x", {}, answers=True)
