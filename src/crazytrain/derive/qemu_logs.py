"""Several pieces of QEMU's log of one guest, as one."""

import msgspec

from crazytrain.model.facts import Facts
from crazytrain.model.facts.logs import QemuLog


def derive_qemu_logs(facts: Facts) -> QemuLog | None:
    """Join them in order, with the last registers that were printed; ``None`` with fewer than two."""
    logs = facts.all(QemuLog)
    if len(logs) < 2:
        return None
    dumped = next((log for log in reversed(logs) if log.dump), logs[-1])
    return msgspec.structs.replace(
        logs[-1],
        lines=sum(log.lines for log in logs),
        matter=tuple(line for log in logs for line in log.matter)[-200:],
        whole=all(log.whole for log in logs),
        dump=dumped.dump,
        code=dumped.code,
        refs=tuple(dict.fromkeys(ref for log in logs for ref in log.refs)),
    )
