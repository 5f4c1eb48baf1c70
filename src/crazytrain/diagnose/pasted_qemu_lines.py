"""What lines of QEMU's own log say of who was connected to it, as points of causes: how often they were said is not known."""

from collections.abc import Iterable, Iterator

from crazytrain.model.facts.logs import QemuLog, QemuMeaning
from crazytrain.model.finding import Point

# A peer that is gone leaves a descriptor that is always ready: QEMU should drop it. Else what the peer did for the guest is missed.
_GONE = {"dead-client-spin": 6.0, "fd-monitor-spin": 4.0, "guest-hung-io": 2.0, "monitor-hung": 2.0}


def qemu_line_points(cause: str, logs: Iterable[QemuLog]) -> Iterator[Point]:
    """The last such line."""
    for log in logs if cause in _GONE else ():
        if lines := log.of(QemuMeaning.PEER_GONE):
            yield Point(f"QEMU wrote: {lines[-1].text}", (lines[-1].ref,), _GONE[cause])
            return
