"""The process that floods a guest's network card: ``python -m crazytrain.lab.props.flooding SOCKET``.

It sends Ethernet frames to a datagram socket of QEMU (``-netdev dgram``), until QEMU is gone.
"""

import contextlib
import socket
import sys
import time

_BURST, _PAUSE_S = 60, 0.001  # about 50,000 a second where the host keeps up
_BROADCAST, _FROM, _EXPERIMENTAL = b"\xff" * 6, bytes.fromhex("52540012abcd"), b"\x88\xb5"
_FRAME = (_BROADCAST + _FROM + _EXPERIMENTAL).ljust(1400, b"\0")


def send(path: str) -> None:
    """Send until nobody listens any more (``OSError``)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        while True:
            with contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
                line.connect(path)
                break
            time.sleep(0.05)
        while True:
            for _ in range(_BURST):
                line.send(_FRAME)
            time.sleep(_PAUSE_S)


if __name__ == "__main__":
    try:
        send(sys.argv[1])
    except OSError:
        sys.exit(1)
