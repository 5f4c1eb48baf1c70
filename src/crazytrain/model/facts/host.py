"""Facts about the host that the guest runs on."""

import msgspec

from crazytrain.model.evidence import Ref


class HostFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The host at the time. Empty or ``None`` is not known.

    ``hypervisor`` tells that the host is itself a guest, ``product`` what its firmware calls it.
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
    refs: tuple[Ref, ...] = ()
