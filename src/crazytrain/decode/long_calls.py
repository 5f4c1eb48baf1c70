"""STRACE: calls that did not return for a second or more, by the times of their two halves (``strace -f -tt``, without ``-T``).

    [pid 870] 10:12:01.002211 openat(AT_FDCWD, "/mnt/a", O_RDWR <unfinished ...>
    [pid 870] 10:12:40.993310 <... openat resumed>) = 22

Manual: strace(1). Times of day; a trace over midnight is not read.
"""

import re
from collections.abc import Iterable

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.tool_lines import ToolLine, ToolMeaning

_AT = (
    r"(?:\[pid +)?(?P<tid>\d{1,9})\]? +(?:(?P<h>\d\d):(?P<m>\d\d):(?P<s>\d\d\.\d{1,9})|(?P<epoch>\d{9,11}\.\d{1,9})) +"
)
_BEGUN = re.compile(_AT + r"(?P<call>\w{2,30})\(.*<unfinished \.\.\.>$")
_RESUMED = re.compile(_AT + r"<\.\.\. (?P<call>\w{2,30}) resumed>")
_BY_NAME = frozenset(
    {"openat", "open", "stat", "newfstatat", "statfs", "unlink", "rename", "access", "connect", "ftruncate", "flock"}
)
_USB = re.compile(
    r"\bioctl\(\d{1,7}(?:<[^>]{0,120}>)?, USBDEVFS_\w{1,30}\b.{0,160}?(?:\bETIMEDOUT\b|<[1-9]\d{0,5}\.\d{1,9}>$)"
)
_MOST_LINES, _LONGEST, _MOST_FOUND = 200_000, 2000, 8
_LONG_S = 1.0


def decode_long_calls(evidence: Evidence) -> Iterable[object]:
    """Yield a ``ToolLine`` for each call that works on a file's name and took so long; ``value`` is in seconds, ``who`` the call.

    The first request to a USB device that timed out, too.
    """
    yield from _usb_requests(evidence)
    open_: dict[tuple[str, str], float] = {}
    found = 0
    for number, line in enumerate(evidence.data.decode("utf-8", "replace").split("\n")[:_MOST_LINES], start=1):
        begun = _BEGUN.match(line[:_LONGEST].rstrip())
        ended = None if begun else _RESUMED.match(line[:_LONGEST])
        if begun:
            open_[begun["tid"], begun["call"]] = _seconds(begun)
        elif ended and ended["call"] in _BY_NAME and found < _MOST_FOUND:
            took = _seconds(ended) - open_.pop((ended["tid"], ended["call"]), _seconds(ended))
            if took >= _LONG_S:
                found += 1
                text = f"thread {ended['tid']} was inside {ended['call']} for {took:.1f} s"
                yield ToolLine(
                    meaning=ToolMeaning.LONG_CALL, text=text, ref=evidence.ref(number), value=took, who=ended["call"]
                )


def _usb_requests(evidence: Evidence) -> Iterable[ToolLine]:
    """Requests to usbfs that ended in a time-out, or took a second and more (``strace -T``): the first of them."""
    for number, line in enumerate(evidence.data.decode("utf-8", "replace").split("\n")[:_MOST_LINES], start=1):
        if _USB.search(line[:_LONGEST].rstrip()):
            yield ToolLine(
                meaning=ToolMeaning.USB_TIMED_OUT, text=line[:_LONGEST][:240].strip(), ref=evidence.ref(number)
            )
            return


def _seconds(found: re.Match[str]) -> float:
    if found["epoch"]:
        return float(found["epoch"])
    return int(found["h"]) * 3600 + int(found["m"]) * 60 + float(found["s"])
