"""The numbers of system calls that matter to counting, by architecture; and how calls that wait are given their timeout."""

import msgspec

TIMESPEC, TIMEVAL, MILLISECONDS, UNTOLD = 1, 2, 3, 4  # the forms in which a timeout is given
NO_SET, POLL_SET, EPOLL_SET = 0, 1, 2  # what a wait leaves behind of the descriptors that were ready


class Wait(msgspec.Struct, frozen=True):
    """A call that waits: its number, the form of its timeout, which argument that is (2 to 4, from 0), and its set."""

    number: int
    form: int
    argument: int
    ready: int = NO_SET


class Abi(msgspec.Struct, frozen=True):
    """The numbers that matter on one architecture; -1 is never called. ``reads`` return 0 at the end of a stream.

    ``epoll_bytes`` is the size of an ``epoll_event``, and ``epoll_data`` where its data begin.
    """

    ioctl: int = -1
    io_uring_enter: int = -1
    waits: tuple[Wait, ...] = ()
    reads: tuple[int, ...] = ()
    epoll_bytes: int = 16
    epoll_data: int = 8


ABIS = {
    "x86_64": Abi(
        ioctl=16,
        io_uring_enter=426,
        waits=(
            Wait(271, TIMESPEC, 2, POLL_SET),  # ppoll
            Wait(270, TIMESPEC, 4),  # pselect6
            Wait(441, TIMESPEC, 3, EPOLL_SET),  # epoll_pwait2
            Wait(23, TIMEVAL, 4),  # select
            Wait(7, MILLISECONDS, 2, POLL_SET),  # poll
            Wait(232, MILLISECONDS, 3, EPOLL_SET),  # epoll_wait
            Wait(281, MILLISECONDS, 3, EPOLL_SET),  # epoll_pwait
        ),
        reads=(0, 19, 45, 47),  # read, readv, recvfrom, recvmsg
        epoll_bytes=12,  # packed there, and only there
        epoll_data=4,
    ),
    "aarch64": Abi(
        ioctl=29,
        io_uring_enter=426,
        waits=(
            Wait(73, TIMESPEC, 2, POLL_SET),  # ppoll
            Wait(72, TIMESPEC, 4),  # pselect6
            Wait(441, TIMESPEC, 3, EPOLL_SET),  # epoll_pwait2
            Wait(22, MILLISECONDS, 3, EPOLL_SET),  # epoll_pwait
        ),
        reads=(63, 65, 207, 212),  # read, readv, recvfrom, recvmsg
    ),
    "i386": Abi(ioctl=54),
}
