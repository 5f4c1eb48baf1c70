"""Fake /proc trees of QEMU processes, and hosts that change while they are looked at."""

import os
from collections.abc import Callable, Mapping, Sequence

from crazytrain.collect.look import Look
from crazytrain.host.door import FILE_LIMIT_BYTES
from crazytrain.host.fake import FakeHost
from crazytrain.model.evidence import Evidence
from crazytrain.model.guest import Guest, ProcessId

BOOT = "4d49464a-4766-4d8d-a7fa-1be9843b7b17"
DENIED = PermissionError(13, os.strerror(13))


def stat(pid: int, comm: str, *, start: int = 500, state: str = "S", flags: int = 0, ticks: int = 0) -> bytes:
    """One line of /proc/PID/stat as Linux 6 writes it."""
    fields = [state, 1, 1, 1, 0, -1, flags, 10, 0, 2, 0, ticks, 0, 0, 0, 20, 0, 1, 0, start]
    return f"{pid} ({comm}) {' '.join(map(str, fields + [0] * 32))}\n".encode()


def process(
    pid: int,
    comm: str,
    argv: Sequence[str] | OSError,
    *,
    start: int = 500,
    state: str = "S",
    threads: Mapping[int, str] | None = None,
) -> dict[str, bytes | OSError]:
    """The files of one process."""
    line = argv if isinstance(argv, OSError) else b"".join(word.encode() + b"\0" for word in argv)
    files: dict[str, bytes | OSError] = {
        f"/proc/{pid}/comm": f"{comm}\n".encode(),
        f"/proc/{pid}/stat": stat(pid, comm, start=start, state=state),
        f"/proc/{pid}/cmdline": line,
        f"/proc/{pid}/cgroup": b"0::/user.slice\n",
    }
    for tid, name in (threads or {pid: comm}).items():
        files[f"/proc/{pid}/task/{tid}/comm"] = f"{name}\n".encode()
        files[f"/proc/{pid}/task/{tid}/stat"] = stat(tid, name, start=start)
        files[f"/proc/{pid}/task/{tid}/schedstat"] = b"1000 10 1\n"
    return files


HOST_FILES: dict[str, bytes | OSError] = {
    "/proc/sys/kernel/random/boot_id": f"{BOOT}\n".encode(),
    "/proc/sys/kernel/hostname": b"node7\n",
    "/proc/uptime": b"1000.00 1800.00\n",
}


class ChangingHost(FakeHost):
    """A host whose files change at moments of its clock: ``changes`` are (ns after the start, path, content or error)."""

    def __init__(
        self, files: Mapping[str, bytes | OSError], changes: Sequence[tuple[int, str, bytes | OSError]]
    ) -> None:
        super().__init__(files)
        self.began_ns = self.now_ns
        self.changes = list(changes)

    def read(self, path: str, limit_bytes: int = FILE_LIMIT_BYTES) -> bytes:
        for moment, changed, content in self.changes:
            if self.now_ns - self.began_ns >= moment:
                self.files[changed] = content
        return super().read(path, limit_bytes)


def a_guest(pid: int, start: int = 500, **known: str) -> Guest:
    """A guest of which little is known."""
    return Guest(process=ProcessId(pid=pid, start_ticks=start, boot_id=BOOT), name=known.get("name", "web01"))


def look_at(host: FakeHost, guest: Guest, *, seconds: float = 2.0, light: bool = False) -> tuple[Look, list[Evidence]]:
    """A look over a window, and the list into which its evidence goes."""
    kept: list[Evidence] = []
    keep: Callable[[Evidence], None] = kept.append
    end = host.now_ns + int(seconds * 1e9)
    return Look(host=host, guest=guest, start_ns=host.now_ns, end_ns=end, keep=keep, light=light), kept
