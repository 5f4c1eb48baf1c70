"""The first and only root of a Linux guest: busybox, our programs, and /init."""

import gzip
from collections.abc import Mapping

from crazytrain.lab.cpio import Entry, folder, link, program, write_newc

APPLETS = (
    *("cat", "cp", "cut", "dd", "dmesg", "grep", "head", "ls", "md5sum", "mount", "ps", "reboot", "sed", "sh", "sleep"),
    *("sort", "stty", "sync", "tail", "taskset", "tr", "true", "uname", "usleep", "wc"),
)
_FOLDERS = ("bin", "dev", "proc", "sys")
_MODULES = "modules"
_INIT = """#!/bin/sh
export PATH=/bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
"""


_SHELL = """
mount -t sysfs sys /sys
stty -F /dev/ttyS1 raw -echo
while read -r line; do
    eval "$line" 2>&1 </dev/null
    printf '\\n@@ %s\\n' $?
done </dev/ttyS1 >/dev/ttyS1 &
"""


def make_initramfs(
    busybox: bytes,
    script: str,
    programs: Mapping[str, bytes],
    *,
    answers: bool = False,
    modules: Mapping[str, bytes] | None = None,
) -> bytes:
    """Return it, compressed. The same content gives the same bytes.

    Args:
        busybox: a static one.
        script: what /init goes on to do once /proc and /dev are mounted, in busybox sh.
        programs: static programs by name, put into /bin.
        answers: whether a shell answers on the second serial port from the first (see ``shell.Shell``).
        modules: of its kernel, by name; loaded in their order before all else.
    """
    modules = modules or {}
    before = "".join(f"busybox insmod /{_MODULES}/{name}.ko\n" for name in modules) + (_SHELL if answers else "")
    entries = [*_entries(busybox, before + script, programs), *_module_entries(modules)]
    return gzip.compress(write_newc(entries), compresslevel=1, mtime=0)


def _entries(busybox: bytes, script: str, programs: Mapping[str, bytes]) -> list[Entry]:
    return [
        *(folder(name) for name in _FOLDERS),
        program("bin/busybox", busybox),
        *(link(f"bin/{applet}", "busybox") for applet in APPLETS),
        *(program(f"bin/{name}", data) for name, data in programs.items()),
        program("init", (_INIT + script).encode()),
    ]


def _module_entries(modules: Mapping[str, bytes]) -> list[Entry]:
    if not modules:
        return []
    return [folder(_MODULES), *(program(f"{_MODULES}/{name}.ko", data) for name, data in modules.items())]
