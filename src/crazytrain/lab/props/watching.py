"""The process that watches a guest's screen: ``python -m crazytrain.lab.props.watching SOCKET``.

It asks for the whole screen again and again and reads all of it, until QEMU hangs up. The protocol is RFB 3.8 (RFC 6143),
without password; pixels come compressed (ZRLE), which is what costs QEMU its time.
"""

import socket
import struct
import sys
from io import BufferedRWPair

_VERSION = b"RFB 003.008\n"
_NO_PASSWORD = 1
_RAW, _ZRLE = 0, 16
_FEW = 10


def watch(path: str) -> None:
    """Watch until QEMU hangs up (``EOFError``); says so after the first few screens."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(path)
        with line.makefile("rwb") as talk:
            width, height, pixel_bytes = _greet(talk)
            screens = 0
            while True:
                talk.write(struct.pack(">BBHHHH", 3, 0, 0, 0, width, height))  # the whole screen, not what changed
                talk.flush()
                width, height = _update(talk, width, height, pixel_bytes)
                screens += 1
                if screens == _FEW:
                    print(f"{screens} screens of {width} x {height}", flush=True)


def _read(talk: BufferedRWPair, length: int) -> bytes:
    data = talk.read(length)
    if len(data) < length:
        raise EOFError
    return data


def _greet(talk: BufferedRWPair) -> tuple[int, int, int]:
    """Introduce ourselves; return width, height and bytes per pixel of the screen."""
    _read(talk, len(_VERSION))
    talk.write(_VERSION)
    talk.flush()
    ways = _read(talk, _read(talk, 1)[0])
    if _NO_PASSWORD not in ways:
        raise EOFError
    talk.write(bytes((_NO_PASSWORD,)))
    talk.flush()
    _read(talk, 4)
    talk.write(b"\1")  # others may watch, too
    talk.flush()
    width, height, bits = struct.unpack(">HHB", _read(talk, 5))
    _read(talk, 15)
    _read(talk, struct.unpack(">I", _read(talk, 4))[0])
    talk.write(struct.pack(">BxHi", 2, 1, _ZRLE))
    return width, height, bits // 8


def _update(talk: BufferedRWPair, width: int, height: int, pixel_bytes: int) -> tuple[int, int]:
    """Read messages up to the end of one update of the screen; return its size."""
    while (kind := _read(talk, 1)[0]) != 0:
        _skip(talk, kind)
    (count,) = struct.unpack(">xH", _read(talk, 3))
    for _ in range(count):
        _, _, across, down, encoding = struct.unpack(">HHHHi", _read(talk, 12))
        if encoding == _ZRLE:
            _read(talk, struct.unpack(">I", _read(talk, 4))[0])
        elif encoding == _RAW:
            _read(talk, across * down * pixel_bytes)
        else:
            raise EOFError
    return width, height


def _skip(talk: BufferedRWPair, kind: int) -> None:
    """Pass over what is no update: colours, a bell, a clipboard."""
    if kind == 1:
        _read(talk, struct.unpack(">x2xH", _read(talk, 5))[0] * 6)
    elif kind == 3:
        _read(talk, struct.unpack(">3xI", _read(talk, 7))[0])


if __name__ == "__main__":
    try:
        watch(sys.argv[1])
    except (EOFError, OSError):
        sys.exit(1)
