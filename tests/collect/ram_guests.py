"""QEMUs that have RAM of every make and run nothing: for tests of where RAM lies."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from crazytrain.collect.same import boot_id, start_ticks
from crazytrain.host import LiveHost
from crazytrain.model.guest import Accelerator, Guest, ProcessId
from tests.support import skip_real

QEMU = "qemu-system-x86_64"
LIMIT_S = 60.0


class RamGuest(msgspec.Struct, frozen=True):
    """A guest that was never started (-S), and its monitor."""

    guest: Guest
    qmp: Path

    def ask(self, execute: str, **arguments: object) -> object:
        """One question by a plain socket: the oracle's own way to the monitor."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(LIMIT_S)
            line.connect(str(self.qmp))
            with line.makefile("rw") as talk:
                talk.readline()
                for command in ({"execute": "qmp_capabilities"}, {"execute": execute, "arguments": arguments}):
                    talk.write(json.dumps(command) + "\n")
                    talk.flush()
                    answer: dict[str, object] = json.loads(talk.readline())
                    while "event" in answer:
                        answer = json.loads(talk.readline())
        assert "return" in answer, answer
        return answer["return"]

    def has(self, address: int) -> int:
        """The 8 bytes at a guest-physical address, as QEMU itself sees them."""
        said = self.ask("human-monitor-command", **{"command-line": f"xp /1xg {address:#x}"})
        return int(str(said).partition(":")[2], 16)


@contextlib.contextmanager
def ram_guest(*arguments: str, memory_mib: int) -> Iterator[RamGuest]:
    """Run QEMU with these arguments about RAM; ``{folder}`` in them is a folder of its own."""
    if shutil.which(QEMU) is None:
        skip_real(f"{QEMU} is not installed")
    with tempfile.TemporaryDirectory(prefix="ct-ram-") as folder:
        qmp = Path(folder, "qmp.sock")
        own = [word.replace("{folder}", folder) for word in arguments]
        argv = (QEMU, "-S", "-nodefaults", "-no-user-config", "-display", "none", *own)
        argv = (*argv, "-qmp", f"unix:{qmp},server=on,wait=off")
        process = subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            end = time.monotonic() + LIMIT_S
            while not qmp.exists():
                assert process.poll() is None, process.stderr and process.stderr.read()
                assert time.monotonic() < end
                time.sleep(0.01)
            made = RamGuest(_guest(process.pid, argv, memory_mib), qmp)
            made.ask("query-status")  # it answers once its machine is made
            yield made
        finally:
            process.kill()
            process.communicate()


def _guest(pid: int, argv: Sequence[str], memory_mib: int) -> Guest:
    host = LiveHost()
    ticks = start_ticks(host, pid)
    assert ticks is not None
    return Guest(
        process=ProcessId(pid=pid, start_ticks=ticks, boot_id=boot_id(host)),
        name="ram",
        accelerator=Accelerator.TCG,
        memory_bytes=memory_mib << 20,
        command_line=tuple(argv),
    )


def write(pid: int, place: int, data: bytes) -> None:
    """Write into the memory of a guest of our own."""
    fd = os.open(f"/proc/{pid}/mem", os.O_WRONLY)
    try:
        assert os.pwrite(fd, data, place) == len(data)
    finally:
        os.close(fd)


def shared_kib(pid: int) -> int:
    """``RssShmem``."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssShmem"))


@contextlib.contextmanager
def huge_pages(wanted: int) -> Iterator[Path | None]:
    """A folder of huge pages of 2 MiB, where this machine lets us have one."""
    knob = Path("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")
    try:
        before = knob.read_text()
        knob.write_text(str(int(before) + wanted))
        reserved = int(knob.read_text()) >= int(before) + wanted
    except OSError:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="ct-huge-") as folder:
        mount = subprocess.run(("mount", "-t", "hugetlbfs", "-o", "pagesize=2M", "none", folder), check=False)
        try:
            yield Path(folder) if reserved and mount.returncode == 0 else None
        finally:
            if mount.returncode == 0:
                subprocess.run(("umount", "-l", folder), check=True)
            knob.write_text(before)
