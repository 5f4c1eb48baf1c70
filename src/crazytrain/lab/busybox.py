"""The busybox of the Linux guests: the host's if it is static, else Debian's."""

import shutil
import struct
from pathlib import Path

from crazytrain.lab.cache import Cache
from crazytrain.lab.debian import Apt
from crazytrain.lab.errors import FetchFailed
from crazytrain.lab.guest import Tell
from crazytrain.lab.scratch import scratch

PACKAGE = "busybox-static"
HINT = "install a static busybox (Debian: apt-get install busybox-static)"
_PT_INTERP = 3
_EM_X86_64 = 62


def choose_busybox(cache: Cache, tell: Tell) -> Path:
    """Return a static busybox for x86-64; fetched from Debian into the cache when the host has none."""
    on_host = shutil.which("busybox")
    if on_host and is_static_program(Path(on_host).read_bytes()):
        return Path(on_host)
    return cache.newest("busybox") or _fetch(cache, tell)


def _fetch(cache: Cache, tell: Tell) -> Path:
    with scratch(cache.folder / "busybox") as folder:
        root = Apt(folder=folder, hint=HINT, tell=tell).fetch(PACKAGE)
        for place in ("bin/busybox", "usr/bin/busybox"):
            if (root / place).is_file() and is_static_program((root / place).read_bytes()):
                return cache.keep("busybox", PACKAGE, root / place)
    raise FetchFailed(f"{PACKAGE} holds no static busybox", HINT)


def is_static_program(data: bytes) -> bool:
    """Whether this is an ELF program for x86-64 that asks for no dynamic loader (no PT_INTERP)."""
    if data[:6] != b"\x7fELF\x02\x01" or len(data) < 64:
        return False
    machine = struct.unpack_from("<H", data, 18)[0]
    table, size, count = (*struct.unpack_from("<Q", data, 32), *struct.unpack_from("<HH", data, 54))
    if machine != _EM_X86_64 or size < 4 or table + size * count > len(data):
        return False
    return all(struct.unpack_from("<I", data, table + size * number)[0] != _PT_INTERP for number in range(count))
