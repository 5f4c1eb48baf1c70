"""Writes that fail again and again in a trace without times, as points of causes: how fast is not known, that nothing else is tried is."""

from collections.abc import Iterable, Iterator

from crazytrain.model import fdrole
from crazytrain.model.facts import CallUse, DescriptorTable, SyscallUse
from crazytrain.model.figures import count
from crazytrain.model.finding import Point

_WRITES = frozenset(("write", "writev", "sendto", "sendmsg", "send"))
_FULL = frozenset(("EAGAIN", "EWOULDBLOCK"))
_LEAST, _NEARLY_ALL = 3, 0.9
_MANY, _BY_TABLE = 1000, 25
_OTHERS = (fdrole.VNC, fdrole.SPICE, fdrole.TAP, fdrole.MONITOR, fdrole.QMP, fdrole.HMP)
_NAMED = (fdrole.CONSOLE, fdrole.CHARDEV, fdrole.AGENT, *fdrole.STANDARD)
_KINDS = frozenset(("pty", "tty", "pipe"))


def retry_points(cause: str, uses: Iterable[SyscallUse], table: DescriptorTable | None) -> Iterator[Point]:
    """Points for ``chardev-spin``; a trace with a window has its own."""
    if cause == "chardev-spin":
        yield from _in_tables(uses)
    for use in uses if cause == "chardev-spin" else ():
        worst = max((one for one in use.calls if _fails(one)), key=lambda one: one.failed, default=None)
        if use.window_ns is None and worst is not None:
            found = table.get(worst.fd) if table and worst.fd is not None else None
            known = found is not None and (found.role.startswith(_NAMED) or found.kind in _KINDS)
            if found is not None and found.role.startswith(_OTHERS):
                continue
            label = found.label if found else f"fd {worst.fd}"
            says = (
                f"{worst.call} on {label} failed with EAGAIN in {worst.failed} of {count(worst.count, 'try', 'tries')}"
            )
            yield Point(says, worst.refs or use.refs, 30 if known else 10)
            return


def _in_tables(uses: Iterable[SyscallUse]) -> Iterator[Point]:
    """A table without descriptors (``strace -c``): next to nothing but writes that fail."""
    for use in uses:
        every = sum(one.count for one in use.calls)
        worst = max((one for one in use.calls if one.fd is None), key=lambda one: one.failed, default=None)
        if worst is not None and _all_it_does(worst, every):
            says = f"{worst.failed:,} of {count(worst.count, worst.call)} failed, and next to nothing else was called: it tries again and again"
            yield Point(says, worst.refs or use.refs, _BY_TABLE)
            return


def _all_it_does(one: CallUse, every: int) -> bool:
    fails = one.failed >= max(_MANY, _NEARLY_ALL * one.count)
    return one.call in _WRITES and fails and one.count >= _NEARLY_ALL * every


def _fails(one: CallUse) -> bool:
    full = sum(error.count for error in one.errors if error.errno in _FULL)
    return one.call in _WRITES and one.fd is not None and full >= _LEAST and full >= _NEARLY_ALL * one.count
