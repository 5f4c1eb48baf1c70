"""Several pieces of QEMU's log of one guest, as one."""

from collections.abc import Sequence

import msgspec

from crazytrain.model.facts import Facts
from crazytrain.model.facts.logs import QemuLine, QemuLog, QemuMeaning

_ENDS = (QemuMeaning.SHUT_DOWN, QemuMeaning.CRASHED)


def derive_qemu_logs(facts: Facts) -> QemuLog | None:
    """Join them in order, with the last registers that were printed; ``None`` with fewer than two."""
    logs = facts.all(QemuLog)
    if len(logs) < 2:
        return None
    dumped = next((log for log in reversed(logs) if log.dump), logs[-1])
    matter = tuple(line for log in logs for line in log.matter)[-200:]
    return msgspec.structs.replace(
        logs[-1],
        lines=sum(log.lines for log in logs),
        matter=matter,
        whole=all(log.whole for log in logs),
        excerpt=all(log.excerpt for log in logs) and not _from_start_to_end(matter),
        dump=dumped.dump,
        code=dumped.code,
        refs=tuple(dict.fromkeys(ref for log in logs for ref in log.refs)),
    )


def _from_start_to_end(matter: Sequence[QemuLine]) -> bool:
    """Whether the last run that one file tells of stands there from its first line to its last."""
    start = next((line for line in reversed(matter) if line.meaning is QemuMeaning.STARTED), None)
    if start is None or matter[-1].meaning not in _ENDS:
        return False
    return _file(start) == _file(matter[-1])


def _file(line: QemuLine) -> str:
    return line.ref.evidence.partition("#")[0]
