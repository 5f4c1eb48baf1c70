"""A real libvirtd with real networks: dnsmasq, DHCP clients that hammer it, and crazytrain run beside them."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from tests.cage import STRANGER, Cage, caged
from tests.support import ROOT, skip_real
from tests.tiny import until

NEEDED = ("dnsmasq", "iptables", "ip", "mount")
OURS = (sys.executable, "-m", "crazytrain")
EVERY_S = 0.2


class Net(msgspec.Struct, frozen=True):
    """The cage, and where crazytrain keeps its records in it."""

    cage: Cage
    state: Path

    def define(self, xml: str, *, start: bool = True, name: str = "") -> None:
        path = self.cage.base / "network.xml"
        path.write_text(xml)
        self.cage.virsh("net-define", str(path))
        if start:
            self.cage.virsh("net-start", name)

    def ours(self, *words: str, user: bool = False) -> subprocess.CompletedProcess[str]:
        return self.cage.tried(*OURS, "lease", *words, user=user, limit_s=180, **self.environment(user=user))

    def environment(self, *, user: bool = False) -> dict[str, str]:
        state = self.state / "user" if user else self.state
        state.mkdir(exist_ok=True)
        if user:
            os.chown(state, STRANGER, STRANGER)
        return {"CRAZYTRAIN_STATE": str(state), "HOME": str(state), "COLUMNS": "200"}

    def said(self, *words: str) -> str:
        done = self.ours(*words)
        assert done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def json(self, *words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.said(*words, "--json"))
        return found

    def xml(self, name: str, *words: str) -> str:
        return re.sub(r" connections='\d+'", "", self.cage.virsh("net-dumpxml", name, *words))

    def conf(self, name: str) -> str:
        return (self.cage.base / "lib" / "dnsmasq" / f"{name}.conf").read_text()

    def files(self) -> dict[str, bytes]:
        """All that libvirt and we keep of networks, byte for byte."""
        folders = (
            self.cage.base / "lib" / "dnsmasq",
            self.cage.base / "etc",
            self.cage.base / "run" / "network",
            self.state,
        )
        found = (path for folder in folders for path in folder.rglob("*"))
        return {str(path): path.read_bytes() for path in found if path.is_file() and ".status" not in path.name}

    @contextlib.contextmanager
    def begun(self, *words: str) -> Iterator["subprocess.Popen[str]"]:
        """crazytrain as a process, to be hit while it works."""
        enter = ("nsenter", "--target", str(self.cage.inside), "--mount", "--net")
        process = subprocess.Popen(
            (*enter, *OURS, "lease", *words),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **self.environment()},
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def stopped_at(self, step: int, number: signal.Signals, *words: str) -> tuple[int, str]:
        """Run it, signal it as soon as it has said that a step is done, and give its status and what it said besides."""
        with self.begun(*words) as process:
            assert process.stderr
            heard = []
            for line in process.stderr:
                heard.append(line)
                if line.startswith(f"step {step}:"):
                    break
            process.send_signal(number)
            out, err = process.communicate(timeout=120)
        return process.returncode, "".join((*heard, err, out))


class Hammer(msgspec.Struct, frozen=True):
    """A client that renews every 0.2 s, and what it was answered."""

    mac: str
    heard: Path

    def lines(self, word: str) -> list[str]:
        return [line for line in self.heard.read_text().splitlines() if line.startswith(word)]

    def leases(self) -> list[int]:
        return [int(line.split()[2]) for line in self.lines("ACK")]

    def address(self) -> str:
        return self.lines("BOUND")[-1].split()[1]

    def is_served(self) -> None:
        """Wait until it is answered anew."""
        before = len(self.lines("ACK")) + len(self.lines("NAK"))
        until(lambda: len(self.lines("ACK")) + len(self.lines("NAK")) > before, f"{self.mac} renews")


@contextlib.contextmanager
def hammers(
    net: Net, bridge: str, count: int, name: str = "hammer", program: str = "tests.dhcp_client"
) -> Iterator[tuple[Hammer, ...]]:
    """Clients on a bridge, each with an address."""
    enter = ("nsenter", "--target", str(net.cage.inside), "--mount", "--net")
    found: list[Hammer] = []
    with contextlib.ExitStack() as stack:
        for number in range(count):
            one = Hammer(f"52:54:00:aa:{len(name):02x}:{number:02x}", net.cage.base / f"{bridge}-{name}-{number}.heard")
            output = stack.enter_context(one.heard.open("w"))
            argv = (*enter, sys.executable, "-m", program, bridge, one.mac, str(EVERY_S), f"{name}{number}")
            process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=output, env={**os.environ, "PYTHONPATH": str(ROOT)}
            )
            stack.callback(_end, process)
            found.append(one)
        for one in found:
            until(lambda one=one: one.lines("BOUND"), f"{one.mac} has an address")
        yield tuple(found)


def _end(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin
    process.stdin.close()
    process.wait(timeout=60)


@contextlib.contextmanager
def networked() -> Iterator[Net]:
    """Start libvirtd for networks; skip (or fail, where real tests are forced) without what they take."""
    for tool in NEEDED:
        if shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is None:
            skip_real(f"{tool} is not installed")
    with caged() as cage:
        state = cage.base / "state"
        state.mkdir(mode=0o755)
        yield Net(cage, state)
