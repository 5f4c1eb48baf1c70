"""The same for DHCPv6: `python -m tests.dhcp6_client BRIDGE MAC EVERY_S`; see ``dhcp_client``.

A refusal (NAK) is a status code other than success for its address, or a valid lifetime of 0 (RFC 8415, 18.2.10.1).
"""

import contextlib
import os
import select
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from tests.dhcp_client import main

SOLICIT, ADVERTISE, REQUEST, RENEW, REPLY = 1, 2, 3, 5, 7
CLIENT_ID, SERVER_ID, IA_NA, IAADDR, ELAPSED, STATUS = 1, 2, 3, 5, 8, 13
SERVERS = "ff02::1:2"


def options(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 4:
        code, size = struct.unpack("!HH", data[:4])
        yield code, data[4 : 4 + size]
        data = data[4 + size :]


def option(code: int, data: bytes) -> bytes:
    return struct.pack("!HH", code, len(data)) + data


class Client6:
    def __init__(self, mac: str) -> None:
        Path("/proc/sys/net/ipv6/conf/eth0/accept_dad").write_text("0")  # nobody else is on this wire
        self.duid = b"\0\3\0\1" + bytes.fromhex(mac.replace(":", ""))
        self.address, self.server, self.xid = bytes(16), b"", os.urandom(3)
        self.socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.index = socket.if_nametoindex("eth0")
        while True:
            with contextlib.suppress(OSError):  # until the link-local address is there
                self.socket.bind(("::", 546, 0, self.index))
                return
            time.sleep(0.05)

    def ask(self, kind: int, until_s: float) -> dict[int, bytes] | None:
        self.xid = os.urandom(3)
        mine = option(IAADDR, self.address + bytes(8)) if kind != SOLICIT else b""
        told = option(CLIENT_ID, self.duid) + option(ELAPSED, bytes(2)) + option(IA_NA, bytes(12) + mine)
        told += option(SERVER_ID, self.server) if kind != SOLICIT else b""
        with contextlib.suppress(OSError):
            self.socket.sendto(bytes((kind,)) + self.xid + told, (SERVERS, 547, 0, self.index))
        while (left := until_s - time.monotonic()) > 0:
            if not select.select([self.socket], [], [], left)[0]:
                return None
            data = self.socket.recv(2048)
            if data[1:4] == self.xid and data[0] in (ADVERTISE, REPLY):
                return dict(options(data[4:]))
        return None

    def obtain(self) -> None:
        while True:
            offer = self.ask(SOLICIT, time.monotonic() + 1)
            if offer and (given := lifetime(offer)):
                self.server, self.address = offer[SERVER_ID], given[0]
                got = self.ask(REQUEST, time.monotonic() + 4)
                if got and (given := lifetime(got)) and given[1]:
                    self.say("BOUND", given[1])
                    return

    def renew(self, every_s: float) -> None:
        end = time.monotonic() + every_s
        found = self.ask(RENEW, end)
        if found is not None:
            given = lifetime(found)
            valid = given[1] if given and given[0] == self.address else 0
            self.say("ACK" if valid else "NAK", valid)
            if not valid:
                self.obtain()
        time.sleep(max(0.0, end - time.monotonic()))

    def say(self, word: str, valid_s: int) -> None:
        print(word, socket.inet_ntop(socket.AF_INET6, self.address), valid_s, flush=True)


def lifetime(told: dict[int, bytes]) -> tuple[bytes, int] | None:
    """The address and for how long it is valid, 0 where it is refused; ``None`` where there is none."""
    inside = dict(options(told.get(IA_NA, bytes(12))[12:]))
    if STATUS in inside and inside[STATUS][:2] != bytes(2):
        return None
    if IAADDR not in inside:
        return None
    return inside[IAADDR][:16], int(struct.unpack("!I", inside[IAADDR][20:24])[0])


if __name__ == "__main__":
    main(Client6)
