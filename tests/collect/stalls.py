"""Real guests whose QEMU waits: in a monitor's command that opens a pipe, and for a storage that has gone away."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from crazytrain.collect import descriptors, identity, monitor, tasks, user_stacks, waits
from crazytrain.collect.look import Collector
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts import Facts
from crazytrain.model.facts.waits import Waits
from crazytrain.model.guest import Accelerator
from crazytrain.pipeline import read
from tests.collect.real import look_at
from tests.support import skip_real
from tests.tiny import Tiny, boot, until


class Lines(Protocol):
    """What a monitor says, line by line."""

    def readline(self, size: int = -1, /) -> bytes: ...


Command = tuple[str, Mapping[str, object]]
COLLECTORS = (identity, tasks, waits, user_stacks, descriptors, monitor)
# Each access to a port that nobody owns goes through QEMU, which takes its big lock for it.
POLLS = "mov dx, 0x3fd\nagain: in al, dx\njmp again\n"
# Write to one page after the other below 1 MiB, for ever.
TOUCHES = """
xor bx, bx
again: mov ax, bx
and ax, 0x7fff
add ax, 0x1000
mov es, ax
mov byte [es:0], 1
add bx, 0x100
mov cx, 2000
rest: loop rest
jmp again
"""
# Read the second disk's first sector by the firmware, again and again.
READS = """
xor ax, ax
mov es, ax
mov ss, ax
mov sp, 0x7c00
again: mov ax, 0x0201
mov bx, 0x8000
mov cx, 1
mov dx, 0x0081
int 0x13
jmp again
"""


def seen(guest: Tiny, seconds: float = 0.6) -> tuple[Facts, list[Evidence]]:
    """Look at a guest with the collectors of waiting threads, and read it."""
    look, kept = look_at(guest.guest, seconds)
    runs: Sequence[Collector] = [module.COLLECTOR for module in COLLECTORS]

    async def all_of_them() -> None:
        await asyncio.gather(*(collector.run(look) for collector in runs))

    asyncio.run(all_of_them())
    reading = read(kept)
    assert reading.notes == ()
    return reading.facts, kept


def waits_of(facts: Facts) -> Waits:
    found = facts.get(Waits)
    assert found is not None
    return found


def wchan(pid: int, tid: int | None = None) -> str:
    return Path(f"/proc/{pid}/task/{tid or pid}/wchan").read_text()


@contextlib.contextmanager
def told(monitor: Path, *commands: Command) -> Iterator[Lines]:
    """Tell a monitor something without waiting for what it says; the answers can be read from what this gives."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        until(lambda: client.connect_ex(str(monitor)) == 0, "the monitor listens")
        lines = client.makefile("rwb")
        lines.readline()
        for name, arguments in (("qmp_capabilities", {}), *commands):
            lines.write(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
            lines.flush()
        answer(lines)
        yield lines


def answer(lines: Lines) -> dict[str, object]:
    """The next answer; events are passed over."""
    while True:
        said: dict[str, object] = json.loads(lines.readline())
        if "event" not in said:
            assert "return" in said, said
            return said


def ask(monitor: Path, *commands: Command) -> object:
    """What a monitor says to the last of some commands."""
    with told(monitor, *commands) as lines:
        return [answer(lines)["return"] for _ in commands][-1]


class Blocked:
    """A guest whose main loop opens a pipe that nobody reads. It began to between ``after_ns`` and ``before_ns``."""

    def __init__(self, guest: Tiny) -> None:
        self.guest = guest
        self.pipe = guest.qmp.parent / "pipe"
        self.after_ns = self.before_ns = 0

    def block(self) -> None:
        os.mkfifo(self.pipe)
        self.after_ns = time.monotonic_ns()
        asked = {"val": 0, "size": 16, "filename": str(self.pipe)}
        with told(self.guest.qmp, ("pmemsave", asked)):
            until(lambda: "wait_for_partner" in wchan(self.guest.process), "the main loop is in open()")
            self.before_ns = time.monotonic_ns()
        until(self._wanted, "the vCPU wants the lock that the main loop holds")

    def _wanted(self) -> bool:
        """Whether a thread is in FUTEX_WAIT for the value 2: as glibc waits for a mutex."""
        calls = [path.read_text().split() for path in Path(f"/proc/{self.guest.process}/task").glob("*/syscall")]
        return any(words[2:4] == ["0x80", "0x2"] for words in calls)

    def release(self) -> None:
        os.close(os.open(self.pipe, os.O_RDONLY))
        until(lambda: "wait_for_partner" not in wchan(self.guest.process), "the main loop goes on")


@contextlib.contextmanager
def blocked() -> Iterator[Blocked]:
    """The main loop is in ``openat``, and holds the big lock that the guest's vCPU wants."""
    if os.geteuid() != 0:
        skip_real("not root: the kernel tells nobody else what a thread waits for")
    with boot(POLLS) as guest:
        held = Blocked(guest)
        held.block()
        yield held


@contextlib.contextmanager
def stalled() -> Iterator[tuple[Tiny, Path]]:
    """A guest whose second disk lies on a file system of a process that is stopped while the guest reads."""
    if os.geteuid() != 0 or not Path("/dev/fuse").exists() or shutil.which("qemu-storage-daemon") is None:
        skip_real("it takes root, /dev/fuse and qemu-storage-daemon")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(_folder()))
        image = folder / "disk.img"
        daemon = stack.enter_context(_served(folder, image))
        disk = f"file={image},format=raw,if=ide,index=1,cache=none,aio=threads"
        guest = stack.enter_context(boot(READS, Accelerator.TCG, "-drive", disk))
        until(lambda: _rchar(daemon.pid) > 2 << 20, "the guest reads the disk, again and again")
        try:
            daemon.send_signal(signal.SIGSTOP)
            until(lambda: any("fuse" in wchan(guest.process, t) for t in _tids(guest.process)), "a read is stuck")
            yield guest, image
        finally:
            daemon.kill()  # before the guest: a process whose request waits for it cannot even be killed


@contextlib.contextmanager
def _folder() -> Iterator[str]:
    name = tempfile.mkdtemp(prefix="ct-stall-")
    try:
        yield name
    finally:
        shutil.rmtree(name, ignore_errors=True)


@contextlib.contextmanager
def _served(folder: Path, image: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A file served by FUSE; its process is ended and the mount is gone when the block is left."""
    behind = folder / "behind.img"
    behind.write_bytes(b"\0" * (1 << 20))
    image.touch()
    blocks = f"driver=file,node-name=file,filename={behind}"
    export = f"type=fuse,id=export,node-name=file,mountpoint={image},writable=on"
    process = subprocess.Popen(
        ("qemu-storage-daemon", "--blockdev", blocks, "--export", export),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: process.poll() is not None or image.stat().st_size, "the file system is mounted")
        if process.poll() is not None:
            skip_real("qemu-storage-daemon cannot export by FUSE here")
        yield process
    finally:
        process.kill()
        process.wait()
        subprocess.run(("umount", "--lazy", str(image)), check=False, stderr=subprocess.DEVNULL)


def _tids(pid: int) -> list[int]:
    return [int(path.name) for path in Path(f"/proc/{pid}/task").iterdir()]


def _rchar(pid: int) -> int:
    text = Path(f"/proc/{pid}/io").read_text()
    return int(text.split("rchar:")[1].split()[0])


@contextlib.contextmanager
def half_moved() -> Iterator[Tiny]:
    """A guest that has begun to run at the destination of a postcopy migration whose source is then stopped."""
    if os.geteuid() != 0:
        skip_real("not root: userfaultfd and stacks are root's")
    with boot(TOUCHES) as source, boot("", Accelerator.TCG, "-incoming", f"unix:{source.qmp.parent}/moves") as there:
        able = ("migrate-set-capabilities", {"capabilities": [{"capability": "postcopy-ram", "state": True}]})
        slow = ("migrate-set-parameters", {"max-bandwidth": 100_000, "max-postcopy-bandwidth": 50_000})
        ask(there.qmp, able)
        moves = ("migrate", {"uri": f"unix:{source.qmp.parent}/moves"})
        ask(source.qmp, able, slow, moves)
        until(lambda: _status(source.qmp, "query-migrate") == "active", "pages are sent")
        ask(source.qmp, ("migrate-start-postcopy", {}))
        until(lambda: _status(there.qmp, "query-status") == "running", "it runs at the destination")
        source.freeze()
        waiting = (f"/proc/{there.process}/task/{tid}/wchan" for tid in _tids(there.process))
        paths = [Path(path) for path in waiting]
        until(lambda: any("userfault" in path.read_text() for path in paths if path.exists()), "it waits for a page")
        yield there


def _status(monitor: Path, question: str) -> object:
    said = ask(monitor, (question, {}))
    assert isinstance(said, dict)
    return said.get("status")
