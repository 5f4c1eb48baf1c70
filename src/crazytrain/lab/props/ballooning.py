"""The process that takes a guest's memory and gives it back: ``python -m crazytrain.lab.props.ballooning SOCKET LOW HIGH``.

It asks QEMU's monitor for LOW bytes, waits until the guest has no more, asks for HIGH, waits, and begins anew, until QEMU
is gone. Each time that the guest got there is told by a line.
"""

import sys
import time
from pathlib import Path

import msgspec

from crazytrain.lab.errors import LabError
from crazytrain.lab.monitor import Monitor

_ASK_AGAIN_S = 0.1
_NEARLY_BYTES = 1 << 20


class _Balloon(msgspec.Struct):
    actual: int


def move(path: Path, low_bytes: int, high_bytes: int) -> None:
    """Do so until QEMU hangs up (``LabError``)."""
    with Monitor(path) as monitor:
        while True:
            for wanted in (low_bytes, high_bytes):
                monitor.ask("balloon", {"value": wanted})
                while abs(_actual(monitor) - wanted) > _NEARLY_BYTES:
                    time.sleep(_ASK_AGAIN_S)
                print(f"the guest has {wanted >> 20} MiB", flush=True)


def _actual(monitor: Monitor) -> int:
    return msgspec.json.decode(monitor.ask("query-balloon"), type=_Balloon).actual


if __name__ == "__main__":
    try:
        move(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
    except (LabError, OSError):
        sys.exit(1)
