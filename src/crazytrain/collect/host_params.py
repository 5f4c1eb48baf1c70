"""How the host is set up: parameters of KVM's modules, sysctls and switches of the kernel that matter to guests."""

from collections.abc import Iterator

from crazytrain.collect.look import Collector, Look
from crazytrain.collect.parts import bundle, read_part
from crazytrain.host.door import Host
from crazytrain.model.bundle import Part
from crazytrain.model.evidence import Cost, Kind

_MODULES = ("kvm", "kvm_intel", "kvm_amd", "kvm_pvm", "vhost", "vhost_net", "vfio_iommu_type1")
_MOST_PARAMETERS = 64
_FILES = (
    "/proc/version",
    "/proc/cmdline",
    "/sys/kernel/security/lockdown",
    "/proc/sys/kernel/split_lock_mitigate",
    "/proc/sys/kernel/numa_balancing",
    "/proc/sys/kernel/hung_task_timeout_secs",
    "/proc/sys/vm/swappiness",
    "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/kernel/mm/transparent_hugepage/defrag",
    "/sys/kernel/mm/ksm/run",
    "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
    "/sys/devices/system/cpu/cpuidle/current_driver",
    "/sys/devices/system/node/online",
)
_READ_TIMEOUT_S = 3.0


async def collect_host_params(look: Look) -> None:
    """Keep ``host-params.0``. They are the host's, so the sibling needs no second reading."""
    if look.light:
        return
    label = ("host-params.0", Kind.HOST_PARAMS, "/sys/module/kvm*/parameters, /proc/sys and /proc/cmdline")
    look.keep(await bundle(look.host, label, lambda: tuple(_parts(look.host)), _READ_TIMEOUT_S))


def _parts(host: Host) -> Iterator[Part]:
    yield from (read_part(host, path) for path in _FILES)
    for module in _MODULES:
        folder = f"/sys/module/{module}/parameters"
        yield from (read_part(host, f"{folder}/{name}", 256) for name in _names(host, folder))


def _names(host: Host, folder: str) -> tuple[str, ...]:
    """The parameters of a module; none where it is not loaded, or has none."""
    try:
        return host.names(folder)[:_MOST_PARAMETERS]
    except OSError:
        return ()


COLLECTOR = Collector(
    name="host-params", cost=Cost.READS, timeout_s=4.0, limit_bytes=256 << 10, run=collect_host_params
)
