"""Whether a thread of a pasted backtrace tries a write to a character device again and again: it sleeps or polls within the write.

QEMU waits for a character device in two ways: ``qemu_chr_write_buffer`` sleeps 100 µs and tries once more, older code polls in
``send_all`` until the other side takes it. A loop that waits elsewhere is idle; one that waits there does nothing else meanwhile.
"""

from collections.abc import Iterator, Sequence

from crazytrain.model.facts import Facts
from crazytrain.model.facts.stacks import UserStack, UserStacks
from crazytrain.model.finding import Point

_WRITES = (
    "send_all", "unix_write", "fd_chr_write", "pty_chr_write", "tcp_chr_write", "udp_chr_write", "file_chr_write",
    "qemu_chr_write", "qemu_chr_write_buffer", "qemu_chr_write_all", "qemu_chr_fe_write", "qemu_chr_fe_write_all", "io_channel_send",
    "io_channel_send_full", "qemu_chr_fe_printf",
)  # fmt: skip
_WAITS = ("nanosleep", "usleep", "poll", "select", "write", "writev", "send", "sendmsg", "sched_yield")
_INNERMOST = 6  # frames of libraries between the system call and QEMU


def chardev_points(cause: str, facts: Facts) -> Iterator[Point]:
    """For chardev-spin: a thread waits within the write; the same thread was there at each of several looks."""
    if cause != "chardev-spin":
        return
    looks = [one for one in facts.all(UserStacks) if not one.mono_ns]
    found = [stack for look in looks for stack in look.stacks if _retries(stack)]
    if not found:
        return
    first = found[0]
    yield Point(
        f"{_who(first)} waits in the middle of that write, which is tried until the other side takes it", first.refs, 5
    )
    same = [stack for stack in found if stack.tid == first.tid]
    if len(looks) > 1 and len(same) == len(looks):
        refs = tuple(ref for stack in same for ref in stack.refs)
        yield Point(f"{_who(first)} was there at each of {len(looks)} looks", refs, 4)


def _retries(stack: UserStack) -> bool:
    symbols = [frame.symbol for frame in stack.frames if frame.symbol]
    depth = next((at for at, symbol in enumerate(symbols) if symbol in _WRITES), None)
    return depth is not None and depth <= _INNERMOST and _waits(symbols[:depth])


def _waits(inner: Sequence[str]) -> bool:
    """Whether the innermost functions are a system call that waits or writes."""
    return any(symbol.strip("_").removeprefix("GI_").strip("_").endswith(_WAITS) for symbol in inner[:2])


def _who(stack: UserStack) -> str:
    return f"thread {stack.tid}" if stack.tid > 0 else "a thread"
