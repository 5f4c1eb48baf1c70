r"""QEMU's words inside a line of somebody else's: libvirt, a container engine and their like quote what QEMU wrote before it ended.

A quoted text may hold its line ends as escapes, once or several times over (JSON in JSON): ``\n``, ``\\n``.
"""

import re

_LONGEST = 16 * 1024
_MOST_PIECES = 64
_ESCAPED_END = re.compile(r"\\{1,8}[nr]")
_ANY_KIND = ("WARNING", "ERROR")
_PROGRAM = r"(?:qemu-system-[\w-]{1,24}|qemu-kvm)"
# The name with a colon behind it; words that only QEMU writes count without it.
_BEGIN = re.compile(
    rf"(?:\S{{0,200}}/)?{_PROGRAM}: (?=-\w|/|[a-zA-Z])|KVM internal error\. Suberror|KVM: entry failed, hardware error|error: kvm run failed"
)
WITHIN = re.compile(
    rb"[^\n]{1,1200}?(?:(?:qemu-system-[\w-]{1,24}|qemu-kvm): (?:error: |/[^\n:]{1,200}:\d+: \w+: Assertion)"
    rb"|KVM internal error\. Suberror: \d|KVM: entry failed, hardware error 0x)"
)


def within(line: str, matters: re.Pattern[str]) -> str:
    """What QEMU says in a line: from its name on, of quoted lines the first that ``matters``; the line itself where it is QEMU's own.

    A row of ``matters`` that is named for warnings or errors of any kind gives way to one that knows what they mean.

    >>> within("docker: Error: launch failed: qemu-kvm: error: failed to set MSR 0x48e", re.compile("error: failed to set MSR"))
    'qemu-kvm: error: failed to set MSR 0x48e'
    """
    pieces = [piece for part in _ESCAPED_END.split(line[:_LONGEST])[:_MOST_PIECES] if (piece := _cut(part))]
    told = [(piece, found) for piece in pieces if (found := matters.match(_said(piece)))]
    known = [piece for piece, found in told if not any(found.groupdict().get(row) for row in _ANY_KIND)]
    return next(iter((*known, *(piece for piece, _ in told), *pieces)), line)


def _cut(part: str) -> str:
    found = _BEGIN.search(part)
    return part[found.start() :].strip() if found else ""


def _said(piece: str) -> str:
    return re.sub(rf"^(?:\S{{0,200}}/)?{_PROGRAM}: ", "", piece)
