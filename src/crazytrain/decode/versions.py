"""Versions that stand in text of any kind: ``QEMU 5.0``, ``QEMU emulator version 2.5.0``, ``uname -a``, ``host kernel 4.2.3``.

>>> from crazytrain.model.evidence import Evidence, Kind
>>> seen = Evidence(id="mail", kind=Kind.TOLD, source="mail", data=b"Guest hangs on QEMU 2.4.0, host kernel 4.2.3.")
>>> [(one.component.name, one.number) for one in decode_versions(seen)]
[('QEMU', (2, 4)), ('HOST_KERNEL', (4, 2))]
"""

import re
from collections.abc import Iterator

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.versions import Component, VersionTold

LIMIT_BYTES = 256 * 1024
MOST = 64
_NUMBER = r"v?(?P<major>\d{1,2})\.(?P<minor>\d{1,3})(?P<rest>[\w.+~-]{0,40})"
_PATTERNS: tuple[tuple[Component, re.Pattern[str]], ...] = (
    (Component.QEMU, re.compile(rf"\bqemu(?:-kvm|-system-\w+)?(?: emulator)?(?:,? version| version:?)?[ :]{{1,2}}{_NUMBER}", re.IGNORECASE)),
    (Component.LIBVIRT, re.compile(rf"\blibvirtd?(?: version:?)?[ :]{{1,2}}{_NUMBER}", re.IGNORECASE)),
    (Component.HOST_KERNEL, re.compile(rf"\bhost(?:'s)?(?: \w+){{0,2}} kernel(?: version)?[ :]{{1,2}}{_NUMBER}", re.IGNORECASE)),
    (Component.GUEST_KERNEL, re.compile(rf"\bguest(?:'s)?(?: \w+){{0,2}} kernel(?: version)?[ :]{{1,2}}{_NUMBER}", re.IGNORECASE)),
    (Component.KERNEL, re.compile(rf"\b(?:linux )?kernel(?: version)?[ :]{{1,2}}{_NUMBER}", re.IGNORECASE)),
    (Component.KERNEL, re.compile(rf"\bLinux (?:version |[\w.-]{{1,60}} )(?=\d){_NUMBER}")),
)  # fmt: skip


def decode_versions(evidence: Evidence) -> Iterator[VersionTold]:
    """Read versions: ``VersionTold`` facts, at most ``MOST``. A kernel that is named of host or guest is not told twice."""
    text = evidence.data[:LIMIT_BYTES].decode("utf-8", "replace")
    taken: set[int] = set()
    found = 0
    for component, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            if match.start("major") in taken or found >= MOST:
                continue
            taken.add(match.start("major"))
            found += 1
            number = (int(match["major"]), int(match["minor"]))
            shown = f"{number[0]}.{number[1]}{match['rest'].rstrip('.-')}"
            line = text.count("\n", 0, match.start()) + 1
            yield VersionTold(component=component, number=number, text=shown, ref=evidence.ref(line))
