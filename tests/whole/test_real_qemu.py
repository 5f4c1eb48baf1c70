"""Real guests whose trouble is QEMU's own: a polled USB device, a watched screen, a migration; judged by a whole run."""

import contextlib
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crazytrain.model.facts.services import Displays, Migration
from crazytrain.model.guest import Accelerator
from crazytrain.pipeline import read
from crazytrain.store.loader import load
from tests.support import skip_real
from tests.tiny import HALT, Tiny, boot, until

pytestmark = pytest.mark.real

TIGHT, RAW = 7, 0
VIEWERS = 4  # the screen is packed for each
# Fills the screen (mode 13h) with noise at each tick of the timer, 60 times a second, and halts in between.
NOISE = """
mov al, 0x36
out 0x43, al
mov ax, 19886
out 0x40, al
mov al, ah
out 0x40, al
mov ax, 0x13
int 0x10
push 0xa000
pop es
mov bx, 1
sti
frame: xor di, di
mov cx, 32000
noise: mov ax, bx
shl ax, 7
xor bx, ax
mov ax, bx
shr ax, 9
xor bx, ax
mov ax, bx
shl ax, 8
xor bx, ax
mov [es:di], bx
add di, 2
loop noise
hlt
jmp frame
"""
IDLE = "sti\nagain: hlt\njmp again\n"
NAMED = ("-name", "guest=tiny,debug-threads=on")
SIZE = struct.Struct(">HH")


@pytest.fixture(autouse=True)
def tools() -> None:
    if shutil.which("bpftrace") is None or os.geteuid() != 0:
        skip_real("loops are counted by bpftrace, as root")


def why(tiny: Tiny, state: Path, seconds: int = 3) -> dict[str, Any]:
    done = subprocess.run(
        (sys.executable, "-m", "crazytrain", "why", str(tiny.process), "--for", str(seconds), "--json"),
        env={**os.environ, "CRAZYTRAIN_STATE": str(state)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert not [e for e in report["evidence"] if e["outcome"] == "broke"]
    return report


def finding(report: dict[str, Any], slug: str) -> dict[str, Any]:
    return next(found for found in report["findings"] if found["cause"] == slug)


def turns(tiny: Tiny) -> int:
    """How often QEMU's main thread has waited so far."""
    lines = Path(f"/proc/{tiny.process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("voluntary"))


def test_a_usb_mouse_on_an_old_controller(tmp_path: Path) -> None:
    """The firmware starts the controller for the mouse and nobody ever stops it."""
    devices = ("-device", "piix3-usb-uhci,id=usb", "-device", "usb-mouse,bus=usb.0,id=mouse")
    with boot(IDLE, Accelerator.KVM, *devices) as tiny:
        begin = turns(tiny)
        until(lambda: turns(tiny) - begin > 2000, "the controller polls")
        report = why(tiny, tmp_path)
    found = finding(report, "usb-polling")
    assert found["verdict"] == "found", found
    assert report["verdict"]["cause"] == "usb-polling"
    assert "usb-mouse mouse" in report["verdict"]["headline"]


def listens(path: Path) -> bool:
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as line, contextlib.suppress(OSError):
        line.connect(str(path))
        return True
    return False


class Viewer:
    """A VNC client that wants every change of the screen (RFC 6143), packed as tightly as can be."""

    def __init__(self, path: Path) -> None:
        self.line = socket.socket(socket.AF_UNIX)
        self.line.settimeout(60)
        self.line.connect(str(path))
        self.take(12)
        self.line.sendall(b"RFB 003.008\n")
        self.take(self.take(1)[0])
        self.line.sendall(b"\x01")  # no password
        assert self.take(4) == b"\0\0\0\0"
        self.line.sendall(b"\x01")  # shared
        self.width, self.height = SIZE.unpack(self.take(4))
        self.take(struct.unpack(">16xI", self.take(20))[0])
        # Tight, compressed as much as it goes.
        self.line.sendall(struct.pack(">BBHiii", 2, 0, 3, TIGHT, RAW, -247))

    def take(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.line.recv(count - len(data))
            assert more, "QEMU hung up"
            data += more
        return data

    def watch(self, over: threading.Event) -> None:
        """Ask for what changed, again and again; what comes is thrown away."""
        self.line.settimeout(0.02)
        while not over.is_set():
            with contextlib.suppress(OSError):
                self.line.sendall(struct.pack(">BBHHHH", 3, 1, 0, 0, self.width, self.height))
                while self.line.recv(1 << 20):
                    pass


def cpu_ticks(tiny: Tiny, name: str) -> int:
    """What the threads of this name have used so far."""
    stats = [path.read_text().rpartition(")") for path in Path(f"/proc/{tiny.process}/task").glob("*/stat")]
    return sum(sum(map(int, rest.split()[11:13])) for before, _, rest in stats if before.endswith(f"({name}"))


@contextlib.contextmanager
def watched(path: Path) -> Iterator[None]:
    until(lambda: listens(path), "QEMU listens for VNC")
    viewers, over = [Viewer(path) for _ in range(VIEWERS)], threading.Event()
    threads = [threading.Thread(target=viewer.watch, args=(over,)) for viewer in viewers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread, viewer in zip(threads, viewers, strict=True):
            thread.join()
            viewer.line.close()


def test_a_screen_that_is_watched(tmp_path: Path) -> None:
    screen = tmp_path / "vnc"
    with boot(NOISE, Accelerator.TCG, *NAMED, "-device", "VGA", "-vnc", f"unix:{screen}") as tiny, watched(screen):
        until(lambda: cpu_ticks(tiny, "vnc_worker") > 50, "the screen is packed")
        report = why(tiny, tmp_path)
    found = finding(report, "display-load")
    assert found["verdict"] == "found", found
    assert f"{VIEWERS} clients of VNC or SPICE" in json.dumps(found["because"])
    (folder,) = (tmp_path / "cases").iterdir()
    displays = read(load(folder).evidence).facts.get(Displays)
    assert displays is not None
    assert displays.clients == VIEWERS


def test_a_migration_under_way(tmp_path: Path) -> None:
    """It is slow, so it takes no CPU to speak of: told, and no headline."""
    with boot(HALT, Accelerator.KVM) as tiny:
        until(lambda: listens(tiny.qmp), "QEMU listens")
        monitor(tiny, {"execute": "migrate-set-parameters", "arguments": {"max-bandwidth": 1000}})
        monitor(tiny, {"execute": "migrate", "arguments": {"uri": "exec:cat >/dev/null"}})
        report = why(tiny, tmp_path, seconds=2)
        monitor(tiny, {"execute": "migrate_cancel"})
    found = finding(report, "migration-running")
    assert found["verdict"] == "found", found
    assert report["verdict"]["cause"] != "migration-running"
    (folder,) = (tmp_path / "cases").iterdir()
    migration = read(load(folder).evidence).facts.get(Migration)
    assert migration is not None
    assert migration.status == "active"
    assert migration.total_bytes is not None
    assert migration.total_bytes > 64 << 20


def monitor(tiny: Tiny, command: dict[str, object]) -> None:
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as line:
        line.settimeout(60)
        line.connect(str(tiny.qmp))
        reader = line.makefile("r")
        for asked in ({"execute": "qmp_capabilities"}, command):
            line.sendall(json.dumps(asked).encode())
            while "return" not in (said := json.loads(reader.readline())):
                assert "error" not in said, said
