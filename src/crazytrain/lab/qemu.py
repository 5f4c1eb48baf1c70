"""QEMU's command line for a lab guest."""

from pathlib import Path

import msgspec

from crazytrain.lab.guest import LabGuest, Linux, NoDisk
from crazytrain.lab.home import Home
from crazytrain.lab.machine import Qemu
from crazytrain.model.guest import Accelerator

NAME_PREFIX = "lab-"
_HPET_IS_A_MACHINE_PROPERTY = (6, 0)
# tsc=reliable, no_timer_check: a loaded host must not make a healthy guest distrust its clock while it boots.
_KERNEL_ARGUMENTS = ("console=ttyS0", "quiet", "cryptomgr.notests", "no_timer_check", "tsc=reliable")


class Boot(msgspec.Struct, frozen=True, kw_only=True):
    """What a guest boots: a boot sector, a kernel with its initramfs, or nothing; and by which accelerator."""

    accelerator: Accelerator
    sector: Path | None = None
    kernel: Path | None = None
    initramfs: Path | None = None


def command_line(qemu: Qemu, guest: LabGuest, boot: Boot, home: Home) -> tuple[str, ...]:
    """Return QEMU's command line: no devices but a serial port, a debug console and what the guest boots from."""
    return (
        *(qemu.path, "-name", f"guest={NAME_PREFIX}{home.name},debug-threads=on"),
        *("-nodefaults", "-no-user-config", "-display", "none"),
        *(() if guest.reboots else ("-no-reboot",)),
        *(
            "-accel",
            boot.accelerator.value,
            *_machine(qemu, guest),
            "-smp",
            str(guest.cpus),
            "-m",
            f"{guest.memory_mib}M",
        ),
        *("-qmp", f"unix:{home.qmp_socket},server=on,wait=off"),
        *("-serial", f"file:{home.console}", "-debugcon", f"file:{home.debugcon}"),
        *_image(guest, boot),
        *_shell(guest, home),
        *(word.replace("{folder}", str(home.path)) for word in guest.arguments),
    )


def _machine(qemu: Qemu, guest: LabGuest) -> tuple[str, ...]:
    if not isinstance(guest.image, Linux) or guest.image.hpet:
        return ("-machine", "pc")
    if qemu.version < _HPET_IS_A_MACHINE_PROPERTY:
        return ("-machine", "pc", "-no-hpet")
    return ("-machine", "pc,hpet=off")


def _shell(guest: LabGuest, home: Home) -> tuple[str, ...]:
    if not isinstance(guest.image, Linux) or not guest.image.answers:
        return ()
    line = f"socket,id=shell,path={home.shell_socket},server=on,wait=off"
    return ("-chardev", line, "-device", "isa-serial,chardev=shell,index=1")


def _image(guest: LabGuest, boot: Boot) -> tuple[str, ...]:
    if isinstance(guest.image, Linux):
        arguments = " ".join((*_KERNEL_ARGUMENTS, *guest.image.arguments))
        return ("-kernel", str(boot.kernel), "-initrd", str(boot.initramfs), "-append", arguments)
    if isinstance(guest.image, NoDisk):
        return ()
    return ("-drive", f"if=ide,format=raw,file={boot.sector}{guest.image.options}")
