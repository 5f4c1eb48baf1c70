"""A live migration that never comes to an end."""

import sys

import msgspec

from crazytrain.lab.errors import NotReady
from crazytrain.lab.monitor import Monitor
from crazytrain.lab.props.prop import Prop
from crazytrain.lab.props.stage import Stage

_SOCKET = "migration.sock"
_ROUNDS = 3
# Pages are compressed by a thread of its own: that costs a CPU, and is slower than any guest can write to them again.
_CAPABILITIES = {"capabilities": [{"capability": "multifd", "state": True}]}
# Slow at first: a round that ends before QEMU has measured its own speed (100 ms) would be taken for the last one.
_SLOW_BYTES_PER_S, _FAST_BYTES_PER_S = 16 << 20, 1 << 30
_PARAMETERS = {
    "multifd-channels": 1,
    "multifd-compression": "zlib",
    "downtime-limit": 1,
    "max-bandwidth": _SLOW_BYTES_PER_S,
}


class _Ram(msgspec.Struct, frozen=True):
    rounds: int = msgspec.field(name="dirty-sync-count", default=0)


class _Migration(msgspec.Struct):
    status: str = ""
    error: str = msgspec.field(name="error-desc", default="")
    ram: _Ram = _Ram()


class EndlessMigration(Prop, frozen=True, kw_only=True):
    """Once the guest runs it is migrated to a process that keeps nothing (see ``nowhere``), with 1 ms of downtime allowed.

    As long as the guest writes to its memory faster than QEMU sends it, QEMU sends it again.
    """

    def once_ready(self, stage: Stage) -> None:
        """Begin, and wait until QEMU has gone over the memory a few times."""
        target = stage.folder / _SOCKET
        argv = (sys.executable, "-m", "crazytrain.lab.props.nowhere", str(target))
        stage.run("nowhere", argv)
        log = stage.home.props_folder / "nowhere" / "log"
        stage.wait(lambda: b"open" in log.read_bytes(), "the migration's target is there", argv=argv, name="nowhere")
        with stage.monitor() as monitor:
            monitor.ask("migrate-set-capabilities", _CAPABILITIES)
            monitor.ask("migrate-set-parameters", _PARAMETERS)
            with stage.doing("QMP migrate to a process that keeps nothing, with a downtime of 1 ms allowed"):
                monitor.ask("migrate", {"uri": f"unix:{target}"})
            stage.wait(lambda: _goes_round(monitor), "the migration goes over the memory again and again")
            monitor.ask("migrate-set-parameters", {"max-bandwidth": _FAST_BYTES_PER_S})


def _goes_round(monitor: Monitor) -> bool:
    """Whether it has gone over the memory a few times; ``NotReady`` when it has come to an end."""
    now = msgspec.json.decode(monitor.ask("query-migrate"), type=_Migration)
    if now.status in ("completed", "failed"):
        raise NotReady(f"the migration has {now.status} after {now.ram.rounds} rounds {now.error}".strip())
    return now.status == "active" and now.ram.rounds >= _ROUNDS
