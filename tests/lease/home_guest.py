"""A real guest with two network interfaces on a NAT network whose lease is libvirt's shortest, and what it and dnsmasq logged."""

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from tests.lease.cage_net import OURS, Net
from tests.tiny import until

NAME = "home1"
_CARD = "<interface type='network'><source network='home'/><mac address='{}'/><model type='virtio'/><rom enabled='no'/></interface>"
_RUNS_S = 10.0
_LEASES_S = 240.0


class HomeGuest(msgspec.Struct, frozen=True):
    """The guest, which runs."""

    net: Net
    macs: tuple[str, ...] = ("52:54:00:79:00:01", "52:54:00:79:00:02")

    @property
    def console(self) -> Path:
        return self.net.cage.base / "log" / f"{NAME}-console.log"

    @property
    def dnsmasq(self) -> Path:
        return self.net.cage.base / "dnsmasq.log"

    def devices(self) -> str:
        return "".join(_CARD.format(mac) for mac in self.macs)

    def said(self, mac: str, word: str) -> list[str]:
        """dnsmasq's lines of this kind about one of its interfaces."""
        if not self.dnsmasq.exists():
            return []
        return [line for line in self.dnsmasq.read_text().splitlines() if f" {word}(" in line and mac in line]

    def addresses(self) -> list[set[str]]:
        """All addresses that each interface ever had."""
        return [{line.split(f" {mac}")[0].split()[-1] for line in self.said(mac, "DHCPACK")} for mac in self.macs]

    def asked(self, number: int) -> None:
        """Wait until each interface has asked so often and was answered."""
        for mac in self.macs:
            end_s = time.monotonic() + _LEASES_S
            while len(self.said(mac, "DHCPACK")) < number:
                assert time.monotonic() < end_s, f"{mac} has no answer number {number}"
                time.sleep(0.1)

    def settles(self, true: Callable[[], bool]) -> None:
        """Wait for it, as long as asking takes."""
        until(true, f"{NAME} comes to it")

    def agent(self, command: str, **arguments: object) -> Any:
        asked = json.dumps({"execute": command, "arguments": arguments})
        return json.loads(self.net.cage.virsh("qemu-agent-command", NAME, asked))["return"]

    def does(self, words: str) -> str:
        """Run a line of shell in the guest by its agent."""
        pid = self.agent("guest-exec", path="/bin/sh", arg=["-c", words], **{"capture-output": True})["pid"]
        end_s = time.monotonic() + _RUNS_S
        while not (done := self.agent("guest-exec-status", pid=pid))["exited"] and time.monotonic() < end_s:
            time.sleep(0.05)
        assert done.get("exitcode") == 0, done
        return base64.b64decode(done.get("out-data", "")).decode()

    def counts(self, pattern: str) -> int:
        """How many lines of its DHCP clients are like that; what the agent says of this very question is none of them."""
        return int(self.does(f"grep -c 'udhcp[c].*{pattern}' /var/log/messages || true"))

    def logs(self, *words: str) -> dict[str, Any]:
        """What `crazytrain logs --json` says."""
        environment: Any = self.net.environment()
        done = self.net.cage.tried(*OURS, "logs", *words, "--json", limit_s=120, **environment)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def told(self, *words: str) -> str:
        """What `crazytrain logs` says to people."""
        environment: Any = self.net.environment()
        done = self.net.cage.tried(*OURS, "logs", *words, limit_s=120, **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout
