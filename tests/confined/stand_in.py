"""In the place of the child: it lies, hangs or dies as it is told. Run as ``python -I stand_in.py MANNER ...`` with the child's words."""

import os
import signal
import sys
import time
from pathlib import Path

from crazytrain.model.inside_talk import MOST_MESSAGE_BYTES


def say(data: bytes) -> None:
    os.write(1, len(data).to_bytes(4, "little") + data)


READING = b'{"type":"GotReading","reading":{"mono_ns":1,"took_ns":%s}}'
manner, words = sys.argv[1], sys.argv[2:]
if manner == "dies at once":
    os._exit(7)
while head := os.read(0, 4):
    os.read(0, int.from_bytes(head, "little"))
    match manner:
        case "tells its descriptors":
            links = sorted(str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.exists())
            say("|".join((*links, *words)).encode())
        case "is killed":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "hangs":
            time.sleep(600)
        case "hangs within an answer":
            os.write(1, b"\x10\0\0\0abc")
            time.sleep(600)
        case "says too much":
            os.write(1, (MOST_MESSAGE_BYTES + 1).to_bytes(4, "little"))
            time.sleep(600)
        case "talks nonsense":
            say(b"\xff\0nonsense")
        case "answers something else":
            say(b'{"type":"Ack"}')
        case "says an impossible number":
            say(READING % (b"9" * 40))
        case "answers":
            say(READING % b"2")
        case "writes down":
            os.pwrite(int(words[4]), b"symbols", 0)
            say(b'{"type":"GotReading","reading":{"mono_ns":1,"took_ns":2},"cache_bytes":7}')
        case "says that it wrote much down":
            say(b'{"type":"GotReading","reading":{"mono_ns":1,"took_ns":2},"cache_bytes":16000000}')
        case "repeats what it was handed":
            say(os.pread(int(words[3]), 100, 0))
