"""QMP events: what QEMU said unasked, in whatever conversation we heard it."""

from collections.abc import Iterator

from crazytrain.decode.qmp_lines import events
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.services import QemuEvent

_LONGEST_SAID = 300


def decode_qmp_events(evidence: Evidence) -> Iterator[QemuEvent]:
    """Yield each event, with QEMU's time of it.

    Source: QEMU, docs/interop/qmp-spec.rst (asynchronous events). ::

        {"timestamp": {"seconds": 1795421167, "microseconds": 840112}, "event": "RESET", "data": {"guest": true}}
    """
    for event, ref in events(evidence):
        said = bytes(event.data)[:_LONGEST_SAID].decode("utf-8", "replace")
        yield QemuEvent(name=event.event[:100], wall_ns=event.wall_ns, says=said, ref=ref)
