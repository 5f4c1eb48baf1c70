"""Signs that rest on what QEMU and the host's kernel wrote."""

from crazytrain.model.facts import QemuState
from crazytrain.model.facts.logs import HostLine, HostLog, KernelMeaning, QemuLog, QemuMeaning
from crazytrain.model.figures import span
from crazytrain.model.finding import Look, Point

LOG_LOOK = Look(
    "QEMU's own log", "tail -n 60 /var/log/libvirt/qemu/{name}.log   # plain QEMU: where its standard error goes"
)
RECENT_NS = 600 * 10**9
EXCERPT_RATIO = 0.8


def said_point(log: QemuLog, meanings: tuple[QemuMeaning, ...], ratio: float) -> tuple[Point, ...]:
    """The last line of these meanings in QEMU's log; nothing where there is none. An earlier run may have written it."""
    lines = log.of(*meanings)
    if not lines:
        return ()
    doubt = "" if log.whole else " (the log's beginning was not read: it may be of an earlier run)"
    return (Point(f"QEMU wrote: {lines[-1].text}{doubt}", (lines[-1].ref,), ratio if log.whole else ratio**0.7),)


def silent_point(log: QemuLog, says: str, ratio: float, others: tuple[QemuMeaning, ...] = ()) -> Point:
    """That QEMU's log does not tell of something. Lines that somebody chose say little of the rest of the log, unless ``others``, which
    would have been written instead, are among them.
    """
    if log.excerpt and not log.of(*others):
        return Point(f"none of the lines of QEMU's log that were given {says}", log.refs, EXCERPT_RATIO)
    return Point(f"no line of QEMU's log {says}", log.refs, ratio)


def host_silent_point(log: HostLog, says: str, ratio: float) -> Point:
    """That the host's kernel log does not tell of something; lines that somebody chose say little of the rest."""
    if log.excerpt:
        return Point(f"none of the lines of the host's kernel log that were given {says}", log.refs, EXCERPT_RATIO)
    return Point(f"no line of the host's kernel log {says}", log.refs, ratio)


def stands_still_point(state: QemuState | None, ratio: float) -> tuple[Point, ...]:
    """Whether QEMU says that it has given up. A guest that shares QEMU's output can write any line, but not this."""
    if state is None or not state.status:
        return ()
    fits = state.status in ("internal-error", "guest-panicked", "shutdown", "paused")
    return (Point(f"QEMU's status is {state.status}", state.refs, ratio if fits else 0.01),)


def when(line: HostLine) -> str:
    """When the kernel said a line, for a sentence."""
    if line.in_window:
        return "within the window"
    return f"{span(line.ago_ns)} before" if line.ago_ns is not None else "at a time that is not known"


def host_point(
    log: HostLog, meanings: tuple[KernelMeaning, ...], ratios: tuple[float, float, float]
) -> tuple[Point, ...]:
    """The last line of these meanings that names a thread of the guest.

    ``ratios`` are for a line within the window, one of the last ten minutes, and one that is older.
    """
    lines = log.of(*meanings, ours=True)
    if not lines:
        return ()
    last = lines[-1]
    recent = last.ago_ns is not None and last.ago_ns <= RECENT_NS
    ratio = ratios[0] if last.in_window else ratios[1] if recent else ratios[2]
    return (Point(f"the host's kernel said {when(last)}: {last.line.text}", (last.line.ref,), ratio),)
