"""What shows that a machine has next to no memory left, and what only looks like it."""

import pytest

from crazytrain.decode.memory_left import decode_memory_left
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.tool_lines import ToolLine, ToolMeaning

FREE = "              total        used        free      shared  buff/cache   available\n"
TOP = "MiB Mem :  16000.0 total,    120.5 free,  15700.0 used,    179.5 buff/cache\nMiB Swap:   2048.0 total,      0.0 free,   2048.0 used.    {} avail Mem\n"


def found(text: str) -> list[ToolLine]:
    evidence = Evidence(id="text", kind=Kind.TEXT, source="text", data=text.encode())
    return [one for one in decode_memory_left(evidence) if isinstance(one, ToolLine)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (FREE + "Mem:            62Gi        61Gi       0.2Gi        12Mi       0.8Gi       512Mi\n", 2),
        (FREE + "Mem:            62G        61G       200M        12M       800M       0B\n", 2),
        (TOP.format("101.0"), 2),
        ("  Mem[|||||||||||||15.6G/15.9G]   Tasks: 90\n  Swp[||||||||||||||2.00G/2.00G]\n", 1),
        ("  Mem[##############15.6G/15.9G]  Swp[##########2.00G/2.00G]\n", 1),
    ],
)
def test_nothing_left(text: str, line: int) -> None:
    (one,) = found(text)
    assert one.meaning is ToolMeaning.NO_MEMORY_LEFT
    assert one.ref.line == line


@pytest.mark.parametrize(
    "text",
    [
        FREE + "Mem:            62Gi        20Gi       0.2Gi        12Mi        41Gi        40Gi\n",
        TOP.format("9000.0"),
        "  Mem[|||||||||||||15.6G/15.9G]\n  Swp[|              0.10G/2.00G]\n",
        "  Mem[||||          4.1G/15.9G]\n  Swp[||||||||||||||2.00G/2.00G]\n",
        "  Mem[|||||||||||||15.6G/15.9G]\n  Swp[                 0K/0K]\n",
        "",
    ],
)
def test_enough_left(text: str) -> None:
    assert found(text) == []
