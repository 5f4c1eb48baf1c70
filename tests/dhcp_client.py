"""A DHCP client that renews as fast as it is told: `python -m tests.dhcp_client BRIDGE MAC EVERY_S NAME`, in the cage.

It lives in a network namespace of its own, on a veth that is plugged into the bridge as a guest's tap is. Each answer that it really
received is a line on its output: ACK or NAK, the address, the lease in seconds. An address that was refused is given back, as a client
must (RFC 2131, 3.2), and asked for anew. It ends when its standard input does, or when whoever started it dies.
"""

import contextlib
import ctypes
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Protocol

CLONE_NEWNET, PR_SET_PDEATHSIG, SO_BINDTODEVICE = 0x40000000, 1, 25
DISCOVER, OFFER, REQUEST, ACK, NAK = 1, 2, 3, 5, 6
MAGIC = b"\x63\x82\x53\x63"
LIBC = ctypes.CDLL(None, use_errno=True)


def ip(*words: str) -> None:
    subprocess.run(("ip", *words), check=True)


def options(data: bytes) -> dict[int, bytes]:
    found, at = {}, 240
    while at < len(data) and data[at] != 255:
        if data[at] == 0:
            at += 1
            continue
        found[data[at]] = data[at + 2 : at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
    return found


class Client:
    def __init__(self, mac: str) -> None:
        self.mac = bytes.fromhex(mac.replace(":", ""))
        self.address = "0.0.0.0"
        self.server = ""
        self.xid = int.from_bytes(os.urandom(4), "big")
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, b"eth0")
        self.socket.bind(("", 68))

    def send(self, kind: int, to: str, **extra: bytes) -> None:
        self.xid = (self.xid + 1) & 0xFFFFFFFF
        flags = 0 if extra.get("renew") else 0x8000
        mine = socket.inet_aton(self.address) if extra.pop("renew", b"") else bytes(4)
        head = (
            struct.pack("!BBBBIHH", 1, 1, 6, 0, self.xid, 0, flags)
            + mine
            + bytes(12)
            + self.mac.ljust(16, b"\0")
            + bytes(192)
        )
        numbers = {"wish": 50, "server": 54, "name": 12}
        asked = b"".join(bytes((numbers[name], len(value))) + value for name, value in extra.items())
        with contextlib.suppress(OSError):
            self.socket.sendto(head + MAGIC + bytes((53, 1, kind)) + asked + b"\xff", (to, 67))

    def answer(self, until_s: float) -> tuple[int, str, dict[int, bytes]] | None:
        while (left := until_s - time.monotonic()) > 0:
            if not select.select([self.socket], [], [], left)[0]:
                return None
            data = self.socket.recv(2048)
            if len(data) > 240 and struct.unpack("!I", data[4:8])[0] == self.xid:
                told = options(data)
                return told.get(53, b"\0")[0], socket.inet_ntoa(data[16:20]), told
        return None

    def obtain(self) -> None:
        """Ask until there is an address."""
        while True:
            self.send(DISCOVER, "255.255.255.255", name=NAME)
            offer = self.answer(time.monotonic() + 4)
            if not offer or offer[0] != OFFER:
                continue
            self.send(REQUEST, "255.255.255.255", wish=socket.inet_aton(offer[1]), server=offer[2][54], name=NAME)
            given = self.answer(time.monotonic() + 4)
            if given and given[0] == ACK:
                self.address, self.server = given[1], socket.inet_ntoa(given[2][54])
                ip("addr", "replace", f"{self.address}/24", "dev", "eth0")
                self.say("BOUND", given[2])
                return

    def renew(self, every_s: float) -> None:
        end = time.monotonic() + every_s
        self.send(REQUEST, self.server, renew=b"1", name=NAME)
        found = self.answer(end)
        if found and found[0] in (ACK, NAK):
            self.say("ACK" if found[0] == ACK else "NAK", found[2])
            if found[0] == NAK:
                ip("addr", "flush", "dev", "eth0")
                self.obtain()
        time.sleep(max(0.0, end - time.monotonic()))

    def say(self, word: str, told: dict[int, bytes]) -> None:
        print(word, self.address, int.from_bytes(told.get(51, b""), "big"), flush=True)


NAME = (sys.argv[4] if len(sys.argv) > 4 else "hammer").encode("utf-8", "surrogateescape")


class Renews(Protocol):
    def obtain(self) -> None: ...

    def renew(self, every_s: float) -> None: ...


def inside(make: Callable[[str], Renews], plugged: int, apart: int) -> None:
    mac, every_s = sys.argv[2], float(sys.argv[3])
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if LIBC.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    os.write(apart, b"x")
    os.read(plugged, 1)
    ip("link", "set", "eth0", "address", mac, "up")
    client = make(mac)
    client.obtain()
    while True:
        client.renew(every_s)


def main(make: Callable[[str], Renews]) -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    (plugged, plug), (apart, part) = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        inside(make, plugged, part)
    os.read(apart, 1)
    ours = f"c{child}"
    ip("link", "add", ours, "type", "veth", "peer", "name", "eth0", "netns", str(child))
    ip("link", "set", ours, "master", sys.argv[1], "up")
    os.write(plug, b"x")
    sys.stdin.read()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


if __name__ == "__main__":
    main(Client)
