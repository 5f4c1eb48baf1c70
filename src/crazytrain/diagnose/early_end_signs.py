"""A guest that is said to hang, and whose kernel's log ends while it sets the machine up: points of what stops a kernel there."""

from collections.abc import Iterator

from crazytrain.model.facts import Facts
from crazytrain.model.facts.told import Telling, Topic
from crazytrain.model.facts.tool_lines import ToolLine, ToolMeaning
from crazytrain.model.finding import Point

_HANGS = (Topic.GUEST_HUNG, Topic.AT_START, Topic.VCPUS_FULL, Topic.CPU_FULL)
# The kernel runs, so the firmware is over; it waits for a timer, another CPU or an answer that does not come, or loops before its watchdogs run.
_RATIOS = {
    "guest-lost-interrupt": 6.0,
    "guest-hard-lockup": 4.0,
    "guest-soft-lockup": 2.0,
    "firmware-wait": 0.2,
    "firmware-hang": 0.3,
    "guest-reboot-loop": 0.6,
    "monitor-hung": 0.5,
}


def early_end_points(cause: str, facts: Facts) -> Iterator[Point]:
    """One point of a cause, where somebody says that it hangs."""
    telling, ratio = facts.get(Telling), _RATIOS.get(cause)
    line = next((one for one in facts.all(ToolLine) if one.meaning is ToolMeaning.BOOT_ENDS), None)
    if telling is None or ratio is None or line is None:
        return
    if any(telling.find(topic) for topic in _HANGS):
        yield Point(f"{line.meaning.value}: {line.text}", (line.ref,), ratio)
