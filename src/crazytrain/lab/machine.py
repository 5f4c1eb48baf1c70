"""What this host has for the lab: QEMU, its version, KVM."""

import os
import re
import shutil
from pathlib import Path

import msgspec

from crazytrain.lab.errors import LabError, MissingTool
from crazytrain.lab.tool import run_tool
from crazytrain.model.guest import Accelerator

_PROGRAMS = ("qemu-system-x86_64", "qemu-kvm", "/usr/libexec/qemu-kvm")
_VERSION = re.compile(r"version (\d+)\.(\d+)")


class Qemu(msgspec.Struct, frozen=True, kw_only=True):
    """The QEMU to run: where it is, and its version (major, minor)."""

    path: str
    version: tuple[int, int]


def find_qemu(folder: Path, given: Path | None = None) -> Qemu:
    """Return the QEMU for x86-64 guests: ``given``, else this host's first; ``folder`` keeps what it says of itself."""
    path = _chosen(given) if given else next((found for program in _PROGRAMS if (found := shutil.which(program))), None)
    if path is None:
        raise MissingTool("there is no QEMU for x86-64 guests here", "apt-get install qemu-system-x86")
    said = run_tool([path, "--version"], cwd=folder, limit_s=60)
    return Qemu(path=path, version=parse_version(said))


def _chosen(given: Path) -> str:
    path = shutil.which(str(given.absolute()))
    if path is None:
        raise LabError(f"{given} is no program", "give the path of a QEMU for x86-64, e.g. /usr/bin/qemu-system-x86_64")
    return path


def parse_version(said: str) -> tuple[int, int]:
    """Read `QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)`."""
    found = _VERSION.search(said)
    if not found:
        raise LabError(f"QEMU does not tell its version: {said[:80]!r}", "is it QEMU that is in your PATH?")
    return int(found[1]), int(found[2])


def kvm_trouble() -> str:
    """Return why KVM cannot be had here, or nothing."""
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return f"/dev/kvm: {error.strerror}"
    return ""


def accelerator_for_boot_sectors() -> Accelerator:
    """Return KVM where it opens, else TCG."""
    return Accelerator.TCG if kvm_trouble() else Accelerator.KVM
