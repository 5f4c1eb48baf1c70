"""Signs that the causes of family main-loop-spin share: a descriptor that wakes a loop for ever and is never served."""

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from crazytrain.diagnose.signs import BUSY_LOOP_FROM_PER_S, wanted
from crazytrain.model import fdrole
from crazytrain.model.facts import (
    CallUse,
    DescriptorTable,
    LoopActivity,
    Loops,
    QemuConfig,
    ReadyUse,
    SyscallUse,
    ThreadActivity,
)
from crazytrain.model.figures import count, rate, share
from crazytrain.model.finding import Look, Point

RETRIES_FROM_PER_S = 300.0  # a peer that is only slow is tried again some ten times a second
_NEARLY_ALL = 0.9
_CLIENTS = (fdrole.VNC, fdrole.SPICE, fdrole.QMP, fdrole.HMP, fdrole.MONITOR)
_CHARDEVS = (fdrole.CONSOLE, fdrole.CHARDEV, fdrole.AGENT, f"log of the {fdrole.CONSOLE}", *fdrole.STANDARD)
_CHARDEV_KINDS = frozenset(("pty", "tty", "pipe"))
_LOOP_KINDS = frozenset(("epoll", "io_uring", "eventfd", "timerfd", "signalfd"))
READY_LOOK = Look(
    "which descriptors wake the main loop, and whether they are read",
    "crazytrain why {name}   # as root, with bpftrace; or: timeout 1 strace -f -e trace=ppoll,read,recvmsg -p {pid}",
)
_WRITES = frozenset(("write", "writev", "sendto", "sendmsg"))
_READS = frozenset(("read", "readv", "recvfrom", "recvmsg"))


class Whose(StrEnum):
    """Whose descriptor it is that a loop spins on."""

    CLIENT = "client"
    CHARDEV = "chardev"
    USERNET = "usernet"
    MONITOR = "fd monitor"
    OTHER = "other"


class Spin(msgspec.Struct, frozen=True):
    """One loop that spins on one descriptor."""

    loop: LoopActivity
    use: ReadyUse
    whose: Whose


def spins(loops: Loops | None, config: QemuConfig | None) -> tuple[Spin, ...]:
    """All that were seen: a loop that turns fast, with a descriptor ready in most turns that nothing is done about."""
    return tuple(
        Spin(loop, use, whose(use, config))
        for loop in (loops.loops if loops else ())
        if (loop.turns_per_s or 0.0) >= BUSY_LOOP_FROM_PER_S
        for use in loop.spins_on
    )


def whose(use: ReadyUse, config: QemuConfig | None) -> Whose:
    """Judge by what the descriptor is for; a nameless socket is user networking's where the guest has that."""
    role = use.role
    if role.startswith(_CLIENTS):
        return Whose.CLIENT
    if role.startswith(_CHARDEVS) or use.kind in _CHARDEV_KINDS:
        return Whose.CHARDEV
    if use.kind in _LOOP_KINDS:
        return Whose.MONITOR
    if use.kind == "socket" and has_usernet(config):
        return Whose.USERNET
    return Whose.CLIENT if use.kind == "socket" and use.hung_up else Whose.OTHER


def has_usernet(config: QemuConfig | None) -> bool:
    """Whether the guest has user networking; QEMU gives it to a guest without any word on networks, too."""
    return config is not None and (not config.nics or any(nic.startswith("user") for nic in config.nics))


def spin_points(found: tuple[Spin, ...], loops: Loops) -> tuple[Point, ...]:
    """What was seen of the first of them, as points for the cause that it belongs to."""
    first = found[0]
    per_s = first.loop.turns_per_s or 0.0
    said = (
        f"{first.use.label} was ready ({', '.join(first.use.events)}) in {share(first.loop.ready_share(first.use))} of the "
        f"{rate(per_s)} turns of the {first.loop.label}, and nothing was taken from it or written to it"
    )
    tried = [
        f"{count(number, noun)} {what}"
        for number, noun, what in (
            (first.use.refused, "call", "on it failed"),
            (first.use.empty, "read", "of it gave 0 bytes"),
        )
        if number
    ]
    return (Point("; ".join((said, *tried)), loops.refs, 400),)


def not_spinning(loops: Loops | None) -> tuple[Point, ...]:
    """That loops were seen and spin on nothing, as a point against; nothing where readiness was not looked at."""
    if loops is None or not loops.loops or any(loop.ready_turns is None for loop in loops.loops):
        return ()
    return (Point("no loop has a descriptor that is ready again and again and never served", loops.refs, 0.03),)


def loop_cpu(loop: LoopActivity, threads: ThreadActivity | None) -> tuple[Point, ...]:
    """What the loop's thread takes of a CPU, as a point for causes that say it burns."""
    thread = next((t for t in threads.threads if t.tid == loop.tid), None) if threads else None
    if thread is None or threads is None:
        return ()
    used = wanted(thread)
    ratio = 3 if used >= 0.3 else 1 if used >= 0.1 else 0.1
    return (Point(f"the {loop.label} wanted {share(used)} of a CPU", threads.refs, ratio),)


class Retry(msgspec.Struct, frozen=True):
    """Calls of one thread on one descriptor that fail again and again."""

    call: CallUse
    label: str
    kind: str
    role: str
    per_s: float
    errno: str


def retries(use: SyscallUse | None, table: DescriptorTable | None, *, writing: bool) -> Iterator[Retry]:
    """Writes (or reads) that nearly all fail, with a rate that no slow peer explains; the worst first."""
    window_ns = use.window_ns if use else None
    if use is None or not window_ns:
        return
    names = _WRITES if writing else _READS
    for call in sorted(use.calls, key=lambda c: -c.failed):
        per_s = call.failed * 1e9 / window_ns
        if call.call not in names or call.failed < _NEARLY_ALL * call.count or per_s < RETRIES_FROM_PER_S:
            continue
        found = table.get(call.fd) if table else None
        yield Retry(
            call=call,
            label=found.label if found else f"fd {call.fd}",
            kind=found.kind if found else "",
            role=found.role if found else "",
            per_s=per_s,
            errno=call.errors[0].errno,
        )
