"""What a kernel says of itself: ``linux_banner``."""

import re

from crazytrain.inside.paging import AddressSpace
from crazytrain.inside.symbols import Symbols
from crazytrain.model.guest_memory import Unreadable

MOST_BANNER_BYTES = 512
_LINUX = re.compile(r"Linux version (?P<release>\S{1,64}) (?P<built>.*?)(?P<version>#.*)?\n?", re.DOTALL)


def linux_banner(space: AddressSpace, symbols: Symbols) -> str:
    """Read the banner of a Linux kernel. Raises ``Unreadable`` where there is none at its place."""
    banner = space.text(symbols["linux_banner"], MOST_BANNER_BYTES)
    if not _LINUX.match(banner):
        raise Unreadable("the kernel's banner is not at its place")
    return banner.rstrip("\n")


def release_and_version(banner: str) -> tuple[str, str]:
    """Take the release and the build line (as ``uname -r`` and ``uname -v`` print them) out of a banner.

    >>> release_and_version("Linux version 6.1.0-56-cloud-amd64 (a@b) (gcc-12 12.2) #1 SMP Debian 6.1.192-1 (2026-08-01)")
    ('6.1.0-56-cloud-amd64', '#1 SMP Debian 6.1.192-1 (2026-08-01)')
    """
    found = _LINUX.fullmatch(banner)
    return (found["release"], found["version"] or "") if found else ("", "")
