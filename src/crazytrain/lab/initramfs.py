"""The first and only root of a Linux guest: busybox, our programs, and /init."""

import gzip
from collections.abc import Mapping

from crazytrain.lab.cpio import Entry, folder, link, program, write_newc

APPLETS = ("sh", "mount", "sleep", "cp", "cat")
_FOLDERS = ("bin", "dev", "proc", "sys")
_INIT = """#!/bin/sh
export PATH=/bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
"""


def make_initramfs(busybox: bytes, script: str, programs: Mapping[str, bytes]) -> bytes:
    """Return it, compressed. The same content gives the same bytes.

    Args:
        busybox: a static one.
        script: what /init goes on to do once /proc and /dev are mounted, in busybox sh.
        programs: static programs by name, put into /bin.
    """
    return gzip.compress(write_newc(_entries(busybox, script, programs)), compresslevel=1, mtime=0)


def _entries(busybox: bytes, script: str, programs: Mapping[str, bytes]) -> list[Entry]:
    return [
        *(folder(name) for name in _FOLDERS),
        program("bin/busybox", busybox),
        *(link(f"bin/{applet}", "busybox") for applet in APPLETS),
        *(program(f"bin/{name}", data) for name, data in programs.items()),
        program("init", (_INIT + script).encode()),
    ]
