"""Where a migration goes that nobody needs: ``python -m crazytrain.lab.props.nowhere SOCKET``.

Takes every connection to a stream socket, reads all that comes and keeps nothing, until nobody is connected any more.
"""

import selectors
import socket
import sys

_AT_ONCE = 1 << 20


def swallow(path: str) -> None:
    """Read until the last of those who connected has left."""
    with selectors.DefaultSelector() as ready, socket.socket(socket.AF_UNIX) as door:
        door.bind(path)
        door.listen()
        ready.register(door, selectors.EVENT_READ)
        print("open", flush=True)
        while not _all_left(ready, door):
            pass


def _all_left(ready: selectors.BaseSelector, door: socket.socket) -> bool:
    """Serve who is ready; whether the last one has left now."""
    left = False
    for key, _ in ready.select():
        line = key.fileobj
        if line is door:
            ready.register(door.accept()[0], selectors.EVENT_READ)
        elif isinstance(line, socket.socket) and not line.recv(_AT_ONCE):
            ready.unregister(line)
            line.close()
            left = True
    return left and len(ready.get_map()) == 1


if __name__ == "__main__":
    try:
        swallow(sys.argv[1])
    except OSError:
        sys.exit(1)
