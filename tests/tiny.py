"""Real QEMU guests of a few instructions, for tests that need a monitor, registers or RAM and no operating system."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from crazytrain.model.guest import Accelerator, Guest, Manager, ProcessId
from tests.support import skip_real

QEMU = "qemu-system-x86_64"
LIMIT_S = 60.0

HALT = "cli\nagain: hlt\njmp again\n"
# Real mode, at a linear address that is not the offset: CS is 0x07b0, so its base is 0x7b00.
REAL = "cli\njmp 0x07b0:start + 0x100 - 0x7c00\nstart: mov dx, 0x3fd\nagain: in al, dx\njmp again\n"
PROTECTED = """
cli
xor ax, ax
mov ds, ax
lgdt [table]
mov eax, cr0
or al, 1
mov cr0, eax
jmp 8:wide
bits 32
wide: mov dx, 0x3fd
again: in al, dx
jmp again
align 8
entries: dq 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
table: dw 23
dd entries
"""
LONG = """
cli
xor ax, ax
mov ds, ax
mov es, ax
mov ss, ax
mov sp, 0x7c00
mov edi, 0x1000
mov cr3, edi
xor eax, eax
mov ecx, 0x1000
rep stosd
mov dword [0x1000], 0x2003
mov dword [0x2000], 0x3003
mov dword [0x3000], 0x83
mov eax, cr4
or eax, 1 << 5
mov cr4, eax
mov ecx, 0xc0000080
rdmsr
or eax, 1 << 8
wrmsr
mov eax, cr0
or eax, 0x80000001
mov cr0, eax
lgdt [table]
jmp 8:wide
bits 64
wide: mov rdx, 0x1122334455667788
again: jmp again
align 8
entries: dq 0, 0x00209a0000000000, 0x0000920000000000
table: dw 23
dd entries
"""
CLOCK_PAGE = 0x9000
KVMCLOCK = f"cli\nmov ecx, 0x4b564d01\nmov eax, {CLOCK_PAGE:#x} | 1\nxor edx, edx\nwrmsr\nagain: hlt\njmp again\n"
# The RTC ticks 1024 times a second and its interrupt is taken by the first PIC.
RTC = """
cli
xor ax, ax
mov ds, ax
mov ss, ax
mov sp, 0x7c00
mov word [0x70 * 4], ticked
mov word [0x70 * 4 + 2], 0
mov al, 0x0b
out 0x70, al
mov al, 0x42
out 0x71, al
mov al, 0x0a
out 0x70, al
mov al, 0x26
out 0x71, al
mov al, 0xfb
out 0x21, al
mov al, 0xfe
out 0xa1, al
sti
again: hlt
jmp again
ticked:
mov al, 0x0c
out 0x70, al
in al, 0x71
mov al, 0x20
out 0xa0, al
out 0x20, al
iret
"""


class Tiny(msgspec.Struct, frozen=True):
    """A running guest, as a collector is given it, and its monitor."""

    guest: Guest
    qmp: Path
    process: int

    def freeze(self) -> None:
        """Stop QEMU as SIGSTOP does, and return once it is stopped."""
        os.kill(self.process, signal.SIGSTOP)
        until(lambda: b") T " in Path(f"/proc/{self.process}/stat").read_bytes(), "QEMU stops")


def until(true: object, what: str) -> None:
    """Wait for a condition, generously."""
    assert callable(true)
    limit = time.monotonic() + LIMIT_S
    while not true():
        assert time.monotonic() < limit, f"waited {LIMIT_S:g} s in vain until {what}"
        time.sleep(0.01)


def need(accelerator: Accelerator) -> None:
    """Skip (or fail, where real tests are forced) without what a tiny guest takes."""
    for tool in (QEMU, "nasm"):
        if shutil.which(tool) is None:
            skip_real(f"{tool} is not installed")
    if accelerator is Accelerator.KVM:
        try:
            os.close(os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC))
        except OSError as error:
            skip_real(f"/dev/kvm: {error.strerror}")


@contextlib.contextmanager
def boot(
    code: str,
    accelerator: Accelerator = Accelerator.TCG,
    *extra: str,
    vcpus: int = 1,
    memory_mib: int = 64,
    within: tuple[str, ...] = (),
) -> Iterator[Tiny]:
    """Run a boot sector; QEMU is gone when the block is left, whatever state it is in. ``within`` must exec QEMU."""
    need(accelerator)
    with tempfile.TemporaryDirectory(prefix="ct-tiny-") as name:
        folder = Path(name)
        argv = (QEMU, *_arguments(folder, accelerator, vcpus, memory_mib), "-drive", _sector(folder, code), *extra)
        process = subprocess.Popen((*within, *argv), cwd=folder, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            qmp = folder / "qmp.sock"
            until(lambda: process.poll() is not None or qmp.exists(), "QEMU listens")
            assert process.poll() is None, "QEMU did not start"
            yield Tiny(_guest(process.pid, argv, accelerator, vcpus, memory_mib), qmp, process.pid)
        finally:
            process.kill()  # also ends a stopped one
            process.wait()


def _arguments(folder: Path, accelerator: Accelerator, vcpus: int, memory_mib: int) -> tuple[str, ...]:
    return (
        *("-name", "guest=tiny", "-nodefaults", "-no-user-config", "-display", "none", "-machine", "pc"),
        *("-accel", accelerator.value, "-smp", str(vcpus), "-m", f"{memory_mib}M"),
        *("-qmp", f"unix:{folder}/qmp.sock,server=on,wait=off"),
    )


def _sector(folder: Path, code: str) -> str:
    source, image = folder / "sector.asm", folder / "sector.bin"
    source.write_text(f"bits 16\norg 0x7c00\n{code}\ntimes 510 - ($ - $$) db 0\ndw 0xaa55\n")
    subprocess.run(["nasm", "-f", "bin", "-o", str(image), str(source)], check=True)
    return f"file={image},format=raw,if=ide"


def _guest(pid: int, argv: tuple[str, ...], accelerator: Accelerator, vcpus: int, memory_mib: int) -> Guest:
    ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    return Guest(
        process=ProcessId(pid=pid, start_ticks=ticks),
        name="tiny",
        manager=Manager.PLAIN,
        accelerator=accelerator,
        vcpus=vcpus,
        memory_bytes=memory_mib << 20,
        machine="pc",
        command_line=argv,
    )
