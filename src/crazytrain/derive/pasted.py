"""Several pieces of one kind in pasted text become one fact: logs that were torn apart, tables beside traces."""

from collections.abc import Sequence

from msgspec.structs import replace

from crazytrain.model.facts import ConsoleLog, Facts, KvmExits
from crazytrain.model.facts.logs import KernelLog
from crazytrain.model.facts.waits import ThreadWait, WaitInstant

_CONSOLE = "the guest's console"


def derive_console_log(facts: Facts) -> ConsoleLog | None:
    """All pieces of guests' logs as one; ``None`` where there are no two, or where they are recorded consoles of one guest."""
    logs = facts.all(ConsoleLog)
    if len(logs) < 2 or not any(line.said_in != _CONSOLE for log in logs for line in log.matter):
        return None
    return ConsoleLog(
        lines=sum(log.lines for log in logs),
        matter=tuple(line for log in logs for line in log.matter),
        after_last=_after_last(logs),
        refs=tuple(ref for log in logs for ref in log.refs),
    )


def _after_last(logs: Sequence[ConsoleLog]) -> int:
    """Lines behind the last one that matters, in whichever piece that stands."""
    after = 0
    for log in reversed(logs):
        if log.matter:
            return after + log.after_last
        after += log.lines
    return 0


def derive_kernel_log(facts: Facts) -> KernelLog | None:
    """All pieces of hosts' logs as one; ``None`` where there are no two.

    Pieces may be of different boots and machines: each is taken to end when the last one ends, so that ages stay those within a piece.
    """
    logs = facts.all(KernelLog)
    if len(logs) < 2:
        return None
    end_ns = max(log.mono_ns for log in logs)
    return KernelLog(
        lines=sum(log.lines for log in logs),
        matter=tuple(
            line if line.mono_ns is None else replace(line, mono_ns=line.mono_ns + end_ns - log.mono_ns)
            for log in logs
            for line in log.matter
        ),
        since_s=None,
        corrected_ns=0,
        mono_ns=end_ns,
        wall_ns=0,
        excerpt=all(log.excerpt for log in logs),
        refs=tuple(ref for log in logs for ref in log.refs),
    )


def derive_wait_instant(facts: Facts) -> WaitInstant | None:
    """Pasted pieces that tell of threads, none of which says when, as one instant; ``None`` where there are no two.

    Of a thread that stands in several the piece counts that tells more.
    """
    instants = facts.all(WaitInstant)
    if len(instants) < 2 or any(instant.mono_ns for instant in instants):
        return None
    threads: dict[int, ThreadWait] = {}
    for wait in (wait for instant in instants for wait in instant.threads):
        before = threads.get(wait.tid)
        if before is None or _told(wait) >= _told(before):
            threads[wait.tid] = replace(wait, line=None)  # its line is one of its own piece's
    return replace(
        instants[-1],
        threads=tuple(threads.values()),
        refs=tuple(ref for instant in instants for ref in instant.refs),
        partial=all(instant.partial for instant in instants),
    )


def _told(wait: ThreadWait) -> int:
    return 2 * len(wait.kernel) + 2 * bool(wait.call) + bool(wait.wchan) + bool(wait.state)


def derive_best_exits(facts: Facts) -> KvmExits | None:
    """Of several looks at the exits the one that tells most: rates before counts, then the one with most kinds of detail.

    ``None`` where there are no two. They are not added: they may be of different times and guests.
    """
    looks = facts.all(KvmExits)
    return max(looks, key=_telling) if len(looks) > 1 else None


def _telling(exits: KvmExits) -> tuple[bool, int, int]:
    details = (exits.ports, exits.mmio, exits.msrs, exits.vectors, exits.halts, exits.faults, exits.places)
    return exits.window_ns > 0, len({count.reason for count in exits.exits}) + sum(map(bool, details)), exits.window_ns
