"""What a guest runs that is no Linux whose symbols we can read: by the strings that kernels and firmware carry.

A string that lies where a vCPU's page tables have the kernel (the topmost 2 GiB: Linux and the BSDs) is that kernel's own. One
that merely lies in RAM may be a file's or a log's: it is said to be there, no more. Nothing is said of what is not found.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from crazytrain.inside.banner import release_and_version
from crazytrain.inside.find_image import kernel_pieces, read_pieces
from crazytrain.inside.find_root import Root, roots_of
from crazytrain.inside.find_scan import chunks
from crazytrain.inside.memory import Memory
from crazytrain.inside.registers import CpuRegisters
from crazytrain.model.facts.inside import FoundBy, GuestKernel
from crazytrain.model.guest_memory import Unreadable

MOST_SCANNED = 4 << 30
UNKNOWN = "unknown"
_MOST_FOUND = 16
_MOST_HITS = 4096
_MOST_BANNER = 256

# What the kernels' own build puts together; a format string of a program has no figures in it.
_SYSTEMS: tuple[tuple[str, bytes, re.Pattern[bytes]], ...] = tuple(
    (system, literal, re.compile(re.escape(literal) + rest, re.DOTALL))
    for system, literal, rest in (
        ("Linux", b"Linux version ", rb"\d+\.\d+\S{0,60} \([^\0\n]{1,64}@[^\0\n]{1,300}#\d+[^\0\n]{0,100}"),
        ("FreeBSD", b"FreeBSD ", rb"\d{1,2}\.\d{1,2}-(?:RELEASE|STABLE|CURRENT|PRERELEASE|BETA|RC)[^\0\n]{0,120}"),
        ("OpenBSD", b"OpenBSD ", rb"\d\.\d[^\0\n(]{0,12} \([A-Z0-9._-]{1,32}\) #\d+: [^\0\n]{10,60}"),
        ("NetBSD", b"NetBSD ", rb"\d{1,2}\.[^\0\n(]{1,20} \([A-Z0-9._-]{1,32}\) #\d+: [^\0\n]{10,60}"),
    )
)
# NtBuildLab of ntoskrnl.exe, as in 22621.1.amd64fre.ni_release.220506-1250.
_WINDOWS = re.compile(rb"\d{4,5}\.\d{1,5}\.(?:amd64|x86|arm64)(?:fre|chk)\.[a-z0-9_]{3,40}\.\d{6}-\d{4}")
_WINDOWS_MARKS = (b".amd64fre.", b".x86fre.", b".amd64chk.", b".x86chk.")
_FIRMWARE: tuple[tuple[str, bytes, re.Pattern[bytes]], ...] = (
    ("SeaBIOS", b"SeaBIOS (version ", re.compile(rb"SeaBIOS \(version [\w.+~-]{1,60}\)")),
    ("OVMF", b"EDK II", re.compile(rb"EDK II")),
    ("GRUB", b"Welcome to GRUB!", re.compile(rb"Welcome to GRUB!")),
)


def find_banners(
    memory: Memory, registers: Sequence[CpuRegisters] = (), most_bytes: int = MOST_SCANNED
) -> Sequence[GuestKernel]:
    """Tell what systems' strings are in a guest: first the one to be believed, where there is such a one.

    That is one that a vCPU's page tables map as the kernel (``found_by`` is ``PAGE_TABLE``), or the only one of a kernel that
    is in RAM. Of several, none: then the first says ``UNKNOWN`` and lists them. Firmware counts where nothing else is there.
    """
    for root in roots_of(registers):
        own = _unique(_mapped(memory, root))
        if own:
            return own
    kernels, firmware = _in_ram(memory, most_bytes)
    if len(kernels) > 1:
        listed = " | ".join(kernel.banner[:80] for kernel in kernels[:4])
        text = f"strings of several systems are in RAM, none is proof: {listed}"
        return [GuestKernel(system=UNKNOWN, banner=text, found_by=FoundBy.BANNER), *kernels]
    return kernels or firmware


def _mapped(memory: Memory, root: Root) -> Iterator[GuestKernel]:
    try:
        image = read_pieces(memory, kernel_pieces(memory, *root))
    except Unreadable:
        return
    yield from _kernels(image, FoundBy.PAGE_TABLE)


def _in_ram(memory: Memory, most_bytes: int) -> tuple[list[GuestKernel], list[GuestKernel]]:
    kernels: list[GuestKernel] = []
    firmware: list[GuestKernel] = []
    for _, data in chunks(memory, most_bytes):
        kernels = _unique([*kernels, *_kernels(data, FoundBy.BANNER), *_windows(data)])
        firmware = _unique([*firmware, *_found(data, _FIRMWARE, FoundBy.BANNER)])
    return kernels, firmware


def _unique(found: Iterable[GuestKernel]) -> list[GuestKernel]:
    """One of each release: a log or a message has the same banner with something behind it."""
    first: dict[tuple[str, str], GuestKernel] = {}
    for kernel in found:
        first.setdefault((kernel.system, kernel.release), kernel)
    return list(first.values())[:_MOST_FOUND]


def _kernels(data: bytes, found_by: FoundBy) -> Iterator[GuestKernel]:
    return _found(data, _SYSTEMS, found_by)


def _found(
    data: bytes, systems: tuple[tuple[str, bytes, re.Pattern[bytes]], ...], found_by: FoundBy
) -> Iterator[GuestKernel]:
    for system, literal, pattern in systems:
        for at in _places(data, literal):
            match = pattern.match(data, at)
            if match:
                yield _kernel(system, match[0], found_by)


def _places(data: bytes, literal: bytes) -> Iterator[int]:
    at = data.find(literal)
    for _ in range(_MOST_HITS):
        if at < 0:
            return
        yield at
        at = data.find(literal, at + 1)


def _windows(data: bytes) -> Iterator[GuestKernel]:
    for mark in _WINDOWS_MARKS:
        for at in _places(data, mark):
            match = _WINDOWS.search(data, max(0, at - 11), at + 80)
            if match:
                yield _kernel("Windows", match[0], FoundBy.BANNER)


def _kernel(system: str, text: bytes, found_by: FoundBy) -> GuestKernel:
    banner = text[: 2 * _MOST_BANNER].decode("utf-8", "backslashreplace").rstrip()
    release, version = release_and_version(banner) if system == "Linux" else _named(system, banner)
    return GuestKernel(system=system, banner=banner, release=release, version=version, found_by=found_by)


def _named(system: str, banner: str) -> tuple[str, str]:
    """A BSD's release is its second word; Windows' banner is its release."""
    words = banner.split(maxsplit=2)
    if system == "Windows":
        return banner, ""
    return (words[1], words[2] if len(words) > 2 else "") if len(words) > 1 and system.endswith("BSD") else ("", "")
