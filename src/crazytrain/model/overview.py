"""Overview: who runs here and who takes the CPU, one row a guest."""

import msgspec

from crazytrain.model.evidence import Outcome
from crazytrain.model.guest import Guest


class CpuSplit(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of one CPU (1.0 = a whole one) by who took them; ``kvm`` are KVM's kernel threads (kvm-pit, ...)."""

    vcpu_ratio: float = 0.0
    main_loop_ratio: float = 0.0
    iothread_ratio: float = 0.0
    vhost_ratio: float = 0.0
    kvm_ratio: float = 0.0
    other_ratio: float = 0.0

    @property
    def cpu_ratio(self) -> float:
        """All of it."""
        qemu = self.vcpu_ratio + self.main_loop_ratio + self.iothread_ratio + self.other_ratio
        return qemu + self.vhost_ratio + self.kvm_ratio


class GuestOverview(msgspec.Struct, frozen=True, kw_only=True):
    """One guest over a short window. ``split`` is ``None`` where its threads could not be read twice: see ``outcome``.

    ``delay_ratio`` is the time that its vCPU threads waited for a CPU, summed. ``note`` says what the split does not
    know (threads without names under TCG, for one).
    ``status`` is what the monitor or libvirt said (running, paused, ...), or in parentheses how asking ended.
    """

    guest: Guest
    window_ns: int = 0
    split: CpuSplit | None = None
    delay_ratio: float | None = None
    uptime_s: float | None = None
    outcome: Outcome = Outcome.OK
    detail: str = ""
    note: str = ""
    status: str = ""
