"""Whose kernel is spoken of: the host's or the guest's. Words of the same line tell first, then the heading above it."""

import re

from crazytrain.decode.log_side import side
from crazytrain.model.facts.versions import Component

_HOST = r"hosts?|hypervisors?|proxmox|pve\d{0,3}|kvm-?host\d{0,3}|node|unraid"
_GUEST = r"guests?|vms?|virtual machines?|inside|domu|emulated/virtualized"
_NEAR = re.compile(rf"\b(?:(?P<host>{_HOST})|(?P<guest>{_GUEST}))\b", re.IGNORECASE)
_HEADING = re.compile(
    rf"[^\w\n]{{0,8}}(?:(?P<host>{_HOST})|(?P<guest>{_GUEST}))\b(?: (?:environment|system|os|side|info(?:rmation)?|machine|details))?[^\w\n]{{0,6}}$",
    re.IGNORECASE,
)
_OF_HOST = re.compile(r"-(?:pve|Unraid)\b|\btruenas\b")
_OF_GUEST = re.compile(r"-cloud-amd64\b")
_STAMP = re.compile(r"^(?:\w{3} [ \d]\d [\d:]{8} \S{1,60} kernel: ?)?\[ {0,8}\d{1,9}\.\d{1,9}\] ?")
_LINES_ABOVE = 12
_BESIDE = 160


def owner_of(text: str, start: int, end: int) -> Component:
    """The component that a kernel at this place of a text is: of host, guest, or ``KERNEL`` where nothing tells.

    >>> owner_of("Host: Debian 12, kernel 6.1.55", 17, 30).name
    'HOST_KERNEL'
    """
    if made := _by_name(text[start:end]):
        return made
    begin = text.rfind("\n", 0, start) + 1
    stop = text.find("\n", end)
    line_end = len(text) if stop < 0 else stop
    before = max(begin, start - _BESIDE, text.rfind(". ", begin, start))
    for near in reversed(list(_NEAR.finditer(text, before, end))):
        return _named(near)
    sentence = text.find(". ", end, line_end)
    behind = min(line_end if sentence < 0 else sentence, end + _BESIDE // 4)
    after = _NEAR.search(text, end, behind)
    return _named(after) if after else _by_heading(text, begin)


def _by_name(name: str) -> Component | None:
    """Kernels that are made to run guests, or to run as one."""
    if _OF_HOST.search(name):
        return Component.HOST_KERNEL
    return Component.GUEST_KERNEL if _OF_GUEST.search(name) else None


def _named(found: re.Match[str]) -> Component:
    return Component.HOST_KERNEL if found["host"] else Component.GUEST_KERNEL


def _by_heading(text: str, begin: int) -> Component:
    end = begin - 1
    for _ in range(_LINES_ABOVE):
        if end <= 0:
            break
        above = text.rfind("\n", 0, end) + 1
        if end - above <= 60 and (found := _HEADING.match(text[above:end].rstrip("\r"))):
            return _named(found)
        end = above - 1
    return Component.KERNEL


def owner_of_log(text: str) -> Component:
    """Whose kernel wrote a log."""
    host, sure = side([_STAMP.sub("", line) for line in text.splitlines()])
    if not sure:
        return Component.KERNEL
    return Component.HOST_KERNEL if host else Component.GUEST_KERNEL
