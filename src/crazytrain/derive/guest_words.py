"""What the guest said, on its serial console and in its kernel log: one fact of both."""

import msgspec

from crazytrain.model.facts import ConsoleLog, Facts
from crazytrain.model.facts.console import ConsoleLine
from crazytrain.model.facts.inside import GuestLog, InsideReading

KERNEL_LOG = "the guest's kernel log"


def derive_guest_words(facts: Facts) -> ConsoleLog | None:
    """Add the guest's kernel log, as it was read in its RAM, to what its console printed; ``None`` without one.

    Its lines come last and have an age: they stand there since the guest's boot. What both say counts once.
    """
    log = facts.get(GuestLog)
    if log is None:
        return None
    console = facts.get(ConsoleLog)
    said = tuple(_aged(line, at_ns, _now_ns(facts, log)) for line, at_ns in zip(log.matter, log.at_ns, strict=True))
    words = [_words(line) for line in said]
    earlier = tuple(line for line in console.matter if _words(line) not in words) if console else ()
    if not said and console:
        return msgspec.structs.replace(console, lines=console.lines + log.lines, refs=(*console.refs, *log.refs))
    return ConsoleLog(
        lines=log.lines + (console.lines if console else 0),
        matter=(*earlier, *said),
        after_last=log.after_last,
        refs=(*(console.refs if console else ()), *log.refs),
    )


def _aged(line: ConsoleLine, at_ns: int, now_ns: int | None) -> ConsoleLine:
    age_s = None if now_ns is None else max(0.0, (now_ns - at_ns) / 1e9)
    return msgspec.structs.replace(line, said_in=KERNEL_LOG, age_s=age_s)


def _now_ns(facts: Facts, log: GuestLog) -> int | None:
    """The guest's time since its boot, as its log counts it (sleep left out): its last tick, or its last line where that is later."""
    clocks = [reading.clock for reading in facts.all(InsideReading) if reading.clock]
    ticks = [clock.monotonic_ns for clock in clocks if clock.monotonic_ns is not None]
    return max((*ticks, log.last_ns or 0)) if ticks else None


def _words(line: ConsoleLine) -> str:
    """A line without its stamp."""
    return line.text.rpartition("] ")[2].strip()
