"""COMMAND_LINE: the line of a pasted log of QEMU that stands above its command line, and says that QEMU was started there."""

from collections.abc import Iterable

from msgspec.structs import replace

from crazytrain.decode.qemu_log import decode_qemu_log
from crazytrain.model.evidence import Evidence
from crazytrain.model.facts.logs import QemuLog, QemuMeaning


def decode_log_start(evidence: Evidence) -> Iterable[object]:
    """Yield a ``QemuLog`` of that one line; the rest of the log is read elsewhere, and put to it (``derive_qemu_logs``).

    2024-01-01 10:00:00.000+0000: starting up libvirt version: 9.0.0, qemu version: 7.2.0
    """
    if b"starting up" not in evidence.data:
        return
    for log in decode_qemu_log(evidence):
        if isinstance(log, QemuLog) and log.whole:
            starts = log.of(QemuMeaning.STARTED)
            yield replace(log, matter=starts[:1], dump=None, code="", excerpt=True)
