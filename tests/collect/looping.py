"""A process that waits like an event loop, a known number of times, when it is told to; see ``known_calls``.

Turns of ``poll`` over two pipes: the writer of the first is gone (POLLHUP for ever, never read), the second one gets a
byte before each turn and is read. Then turns of ``epoll_wait`` over a third pipe that is never read, waits for nothing,
and an eventfd that is written and never read. With an argument ``spin`` it goes on with the first until it is killed.
"""

import json
import os
import select
import sys

TURNS, EPOLL_TURNS, IDLE_WAITS, IDLE_MS, NOTICES = 2000, 300, 5, 20, 40

dead, gone = os.pipe()
live, into_live = os.pipe()
unread, into_unread = os.pipe()
notice = os.eventfd(0, os.EFD_NONBLOCK)
os.close(gone)
os.write(into_unread, b"x")
epoll = select.epoll()
epoll.register(unread, select.EPOLLIN)
loop, nothing = select.poll(), select.poll()
loop.register(dead, select.POLLIN)
loop.register(live, select.POLLIN)

told = {"dead": dead, "live": live, "unread": unread, "epoll": epoll.fileno(), "notice": notice}
print(json.dumps(told), flush=True)
os.read(0, 1)
for _ in range(TURNS):
    os.write(into_live, b"x")
    loop.poll(5000)
    os.read(live, 1)
for _ in range(EPOLL_TURNS):
    epoll.poll(5)
for _ in range(IDLE_WAITS):
    nothing.poll(IDLE_MS)
for _ in range(NOTICES):
    os.eventfd_write(notice, 1)
while "spin" in sys.argv:
    loop.poll(5000)
print("done", flush=True)
os.read(0, 1)
