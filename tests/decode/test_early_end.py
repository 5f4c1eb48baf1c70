"""A kernel's log that ends while the kernel sets the machine up."""

import pytest

from crazytrain.decode.early_end import decode_early_end
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.tool_lines import ToolLine, ToolMeaning

BEGUN = """[    0.000000] Linux version 6.2.1 (build@farm)
[    0.101000] pid_max: default: 32768 minimum: 301
[    0.102000] Mount-cache hash table entries: 4096 (order: 3, 32768 bytes, linear)
[    0.140000] smp: Bringing up secondary CPUs ...
"""


def read(text: str) -> list[ToolLine]:
    evidence = Evidence(id="log", kind=Kind.LOG_TEXT, source="log", data=text.encode())
    return [one for one in decode_early_end(evidence) if isinstance(one, ToolLine)]


def test_the_last_line_is_where_it_stopped() -> None:
    (line,) = read(BEGUN)
    assert line.meaning is ToolMeaning.BOOT_ENDS
    assert line.text == "smp: Bringing up secondary CPUs ..."
    assert line.ref.line == 4


@pytest.mark.parametrize(
    "more",
    [
        "[    2.100000] Run /sbin/init as init process\n",
        "[    0.200000] Kernel panic - not syncing: no timer\n",
        "[  950.000000] usb 1-1: new full-speed USB device\n",
        "[   22.000000] rcu: INFO: rcu_sched detected stalls on CPUs/tasks:\n",
    ],
)
def test_a_log_that_goes_on_or_tells_its_trouble_is_none(more: str) -> None:
    assert not read(BEGUN + more)


def test_lines_of_something_else_are_none() -> None:
    assert not read(
        "[    0.5] eth0: link up\n[    0.6] eth1: link up\n[    0.7] eth2: link up\n[    0.8] br0: port 1\n"
    )
