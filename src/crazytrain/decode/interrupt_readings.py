"""INTERRUPTS: each snapshot of ``/proc/interrupts`` with the line at which it begins, so that two of them give rates."""

from collections.abc import Iterable

from crazytrain.decode.machine_text import numbered_snapshots, of_a_guest
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.moments import InterruptReading

_MOST_LINES = 20_000


def decode_interrupt_readings(evidence: Evidence) -> Iterable[object]:
    """Yield one ``InterruptReading`` for each snapshot. Whose it is the whole text tells (see ``decode_interrupts``)."""
    lines = evidence.data.decode("utf-8", "backslashreplace").split("\n")[:_MOST_LINES]
    guest = of_a_guest(lines)
    for line, rows in numbered_snapshots(lines):
        if rows:
            yield InterruptReading(
                mono_ns=evidence.mono_ns,
                rows=tuple((name, what, number) for name, (what, number, _) in rows.items()),
                guest=guest,
                cpus=max(cpus for _, _, cpus in rows.values()),
                ref=evidence.ref(line),
            )
