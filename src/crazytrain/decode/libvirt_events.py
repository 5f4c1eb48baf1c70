"""LIBVIRT_EVENTS: lines of ``virsh qemu-monitor-event --timestamp``."""

import calendar
import re
from collections.abc import Iterable

from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.services import QemuEvent

_MOST_EVENTS = 1000
_LONGEST_SAID = 300
_LINE = re.compile(
    rb"(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)\.(\d{3})\+0000: event ([A-Z0-9_]{1,100}) for domain '[^\n]{0,300}?': ([^\n]*)"
)


def decode_libvirt_events(evidence: Evidence) -> Iterable[QemuEvent]:
    """Yield each event, with libvirt's time of it.

    Lines of another form are passed over. Source: libvirt, tools/virsh-domain-event.c. ::

    2026-11-23 10:06:27.840+0000: event RESET for domain 'k1': {"guest":false,"reason":"host-qmp-system-reset"}
    """
    heard = 0
    for number, line in enumerate(evidence.data.splitlines(), start=1):
        found = _LINE.fullmatch(line)
        if not found or heard >= _MOST_EVENTS:
            continue
        heard += 1
        *date, milliseconds = (int(part) for part in found.groups()[:7])
        try:
            wall_ns = calendar.timegm(tuple(date)) * 10**9 + milliseconds * 10**6
        except (ValueError, OverflowError):
            continue
        said = found[9][:_LONGEST_SAID].decode("utf-8", "backslashreplace").removeprefix("<null>")
        yield QemuEvent(name=found[8].decode("ascii"), wall_ns=wall_ns, says=said, ref=evidence.ref(number))
