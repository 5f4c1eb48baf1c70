"""Facts about the host that the guest runs on."""

import msgspec

from crazytrain.model.evidence import Ref


class CpuTicks(msgspec.Struct, frozen=True, kw_only=True):
    """All CPUs of the host since boot, in clock ticks: the first line of ``/proc/stat``. ``busy`` leaves out ``steal``."""

    busy: int
    idle: int
    iowait: int
    steal: int


class HostFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The host at the time. Empty or ``None`` is not known.

    ``hypervisor`` tells that the host is itself a guest, ``product`` what its firmware calls it. ``tsc_flags`` are those flags
    of the CPU that speak of its TSC (constant_tsc, nonstop_tsc, tsc_known_freq, tsc_reliable, ...).
    """

    kernel: str = ""
    cpus: int | None = None
    clocksource: str = ""
    clocksources: tuple[str, ...] = ()
    load_1min: float | None = None
    pressure_cpu_avg10: float | None = None
    pressure_memory_avg10: float | None = None
    pressure_io_avg10: float | None = None
    uptime_s: float | None = None
    hypervisor: bool | None = None
    cpu_model: str = ""
    product: str = ""
    vendor: str = ""
    microcode: str = ""
    tsc_flags: tuple[str, ...] | None = None
    ticks: CpuTicks | None = None
    mono_ns: int = 0
    refs: tuple[Ref, ...] = ()


class HostCpu(msgspec.Struct, frozen=True, kw_only=True):
    """The host's CPUs over the window, as shares of all of them. ``steal_ratio`` is what a hypervisor below took."""

    window_ns: int
    busy_ratio: float
    idle_ratio: float
    iowait_ratio: float
    steal_ratio: float
    refs: tuple[Ref, ...]


class KvmParameter(msgspec.Struct, frozen=True):
    """One parameter of KVM's modules (kvm, kvm_intel, kvm_amd), as the kernel shows it."""

    module: str
    name: str
    value: str


class HostParameters(msgspec.Struct, frozen=True, kw_only=True):
    """How the host is set up. Empty or ``None`` is not known.

    ``words`` are those of the kernel's command line that matter to guests. ``transparent_huge_pages`` is always, madvise or never;
    ``lockdown`` none, integrity or confidentiality. ``ksm``: 0 stopped, 1 merging, 2 unmerging.
    """

    version: str = ""
    words: tuple[str, ...] = ()
    kvm: tuple[KvmParameter, ...] = ()
    lockdown: str = ""
    split_lock_mitigate: bool | None = None
    numa_balancing: int | None = None
    transparent_huge_pages: str = ""
    huge_page_defrag: str = ""
    ksm: int | None = None
    swappiness: int | None = None
    hung_task_s: int | None = None
    governor: str = ""
    idle_driver: str = ""
    nodes: int | None = None
    refs: tuple[Ref, ...] = ()

    def parameter(self, name: str) -> str | None:
        """A parameter of any of KVM's modules; ``None`` where none has it."""
        return next((one.value for one in self.kvm if one.name == name), None)

    def is_on(self, name: str) -> bool | None:
        """A switch among the parameters (Y or N, 1 or 0); ``None`` where it is not there or no switch."""
        return {"Y": True, "1": True, "N": False, "0": False}.get(self.parameter(name) or "")
