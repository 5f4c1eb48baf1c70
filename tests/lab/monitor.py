"""The few words of QMP that the lab's tests need."""

import json
import re
import socket
from pathlib import Path
from typing import Any, TextIO


def ask(path: Path, command: str, **arguments: object) -> Any:
    """Connect, ask once, leave; return what came back."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(60)
        line.connect(str(path))
        with line.makefile("rw") as talk:
            talk.readline()
            for request in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}):
                talk.write(json.dumps(request) + "\n")
                talk.flush()
                answer = _answer(talk)
    return answer["return"]


def _answer(talk: TextIO) -> dict[str, Any]:
    """Read up to the next answer: events may come before it."""
    while "return" not in (said := json.loads(talk.readline())):
        assert "event" in said, said
    return dict(said)


def interrupts(path: Path) -> dict[int, int]:
    """Return how often each line of the guest's I/O APIC was raised, as QEMU counts it."""
    said: str = ask(path, "human-monitor-command", **{"command-line": "info irq"})
    ioapic = said.split("IRQ statistics for ioapic:")[1].split("IRQ statistics", maxsplit=1)[0]
    return {int(line): int(count) for line, count in re.findall(r"(\d+): (\d+)", ioapic)}
