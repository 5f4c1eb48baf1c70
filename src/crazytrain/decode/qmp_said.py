"""What QMP's events alone say of a guest's state, where nobody asked for it."""

from collections.abc import Iterator

import msgspec

from crazytrain.decode.qmp_lines import events, parsed
from crazytrain.model.evidence import Evidence, Outcome, Ref
from crazytrain.model.facts.qemu import QemuState

# The state in which an event leaves the guest (QEMU, qapi/run-state.json and block-core.json).
_LEAVES = {
    "STOP": "paused",
    "RESUME": "running",
    "GUEST_PANICKED": "guest-panicked",
    "SUSPEND": "suspended",
    "SHUTDOWN": "shutdown",
}


class _Error(msgspec.Struct):
    device: str = ""
    node_name: str = msgspec.field(default="", name="node-name")
    qom_path: str = msgspec.field(default="", name="qom-path")
    nospace: bool = False
    action: str = ""


def state_by_events(evidence: Evidence) -> Iterator[QemuState]:
    """Yield the state that the events leave the guest in; nothing where none of them changes it.

    An I/O error with the action ``stop`` pauses the guest before its STOP is told: that pause is the error's.
    """
    status, errors = "", dict[str, str]()
    ref: Ref | None = None
    for event, at in events(evidence):
        error = parsed(_Error, event.data) if event.event == "BLOCK_IO_ERROR" else None
        if error and error.action == "stop":
            status, ref = "io-error", at
            errors[(error.device or error.qom_path or error.node_name)[:200]] = "nospace" if error.nospace else "failed"
        elif event.event in _LEAVES and not (event.event == "STOP" and status == "io-error"):
            status, ref = _LEAVES[event.event], at
            errors = errors if event.event != "RESUME" else {}
    if status and ref:
        said = tuple(f"{disk}: {what}" for disk, what in errors.items())
        yield QemuState(monitor=Outcome.OK, mono_ns=evidence.mono_ns, status=status, io_errors=said, refs=(ref,))
