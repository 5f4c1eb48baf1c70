"""Cause main-loop-spin/chardev-spin."""

from crazytrain.diagnose.cause import BUSY, Cause, Rank
from crazytrain.diagnose.spin_signs import Retry, Whose, loop_cpu, not_spinning, retries, spin_points, spins
from crazytrain.model import fdrole
from crazytrain.model.facts import DescriptorTable, Loops, QemuConfig, SyscallUse, ThreadActivity
from crazytrain.model.facts.tool_lines import HungUp
from crazytrain.model.figures import count, rate, share
from crazytrain.model.finding import Claim, Family, Look, Point

_ROLES = (fdrole.CONSOLE, fdrole.CHARDEV, fdrole.AGENT, *fdrole.STANDARD)
_KINDS = frozenset(("pty", "tty", "pipe", "socket"))
_NOT_THESE = (fdrole.VNC, fdrole.SPICE, fdrole.TAP, fdrole.MONITOR, fdrole.QMP, fdrole.HMP)
_CALLS = Look("system calls of all threads", "timeout 2 strace -f -c -p {pid}")


def chardev_spin(
    use: SyscallUse | None,
    loops: Loops | None,
    table: DescriptorTable | None,
    threads: ThreadActivity | None,
    config: QemuConfig | None,
    gone: HungUp | None,
) -> Claim:
    """Does QEMU try a serial port, console or other character device again and again, whose peer takes or gives nothing?"""
    says = (
        "QEMU tries a character device (serial port, console) again and again whose other side takes or gives nothing"
    )
    tries = [one for one in retries(use, table, writing=True) if _is_chardev(one)]
    found = tuple(one for one in spins(loops, config) if one.whose is Whose.CHARDEV)
    if tries and use:
        points = (*_retry_points(tries, use), *_who_burns(tries[0], threads))
        return Claim(says=f"{says} ({tries[0].label})", prior=0.01, points=points)
    if found and loops:
        points = (*spin_points(found, loops), *loop_cpu(found[0].loop, threads))
        return Claim(says=f"{says} ({found[0].use.label})", prior=0.01, points=points)
    if use is None or not use.window_ns or gone is not None:  # what ends without end is read, not written
        return Claim(says=says, prior=0.01, missing=(_CALLS,))
    none = Point("no thread fails to write to a character device again and again", use.refs, 0.05)
    return Claim(says=says, prior=0.01, points=(none, *not_spinning(loops)))


def _is_chardev(one: Retry) -> bool:
    return one.role.startswith(_ROLES) or (one.kind in _KINDS and not one.role.startswith(_NOT_THESE))


def _retry_points(tries: list[Retry], use: SyscallUse) -> tuple[Point, ...]:
    first = tries[0]
    named = first.role.startswith(_ROLES)
    says = (
        f"{first.call.call} on {first.label} failed {rate(first.per_s)} with {first.errno}: "
        f"{share(first.call.failed / first.call.count)} of {count(first.call.count, 'try', 'tries')}"
    )
    return (Point(says, first.call.refs or use.refs, 400 if named else 150),)


def _who_burns(first: Retry, threads: ThreadActivity | None) -> tuple[Point, ...]:
    thread = next((t for t in threads.threads if t.tid == first.call.tid), None) if threads else None
    if thread is None or threads is None:
        return ()
    says = f"it is the thread {thread.label} that tries; meanwhile it does nothing else"
    return (Point(says, threads.refs, 1.5),)


CAUSE = Cause(
    slug="chardev-spin",
    family=Family.MAIN_LOOP_SPIN,
    rank=Rank.SPECIFIC,
    judge=chardev_spin,
    absorbs=("timer-always-due", "pio-poll", "guest-halted-dead", *BUSY),
)
