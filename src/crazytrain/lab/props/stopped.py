"""QEMU stopped by a signal, as by a debugger that was left or a `kill -STOP`."""

import signal
from pathlib import Path

from crazytrain.lab.props.prop import Prop
from crazytrain.lab.props.stage import Stage


class Stopped(Prop, frozen=True, kw_only=True):
    """Once the guest runs, its QEMU gets SIGSTOP."""

    def once_ready(self, stage: Stage) -> None:
        """Stop it, and wait until all its threads stand still."""
        with stage.doing(f"SIGSTOP to the guest's QEMU (pid {stage.qemu.pid})"):
            stage.signal(stage.qemu, signal.SIGSTOP)
        stage.wait(lambda: _states(stage.qemu.pid) == {"T"}, "all threads of QEMU are stopped")


def _states(pid: int) -> set[str]:
    """The states of a process' threads, less those of its KVM worker, which no signal stops."""
    stats = (path.read_text("utf-8", "replace") for path in Path(f"/proc/{pid}/task").glob("*/stat"))
    return {stat.rpartition(")")[2].split()[0] for stat in stats if "(kvm-" not in stat}
