"""HOST_PARAMS: a bundle of /sys/module/*/parameters, /proc/sys, /proc/cmdline and switches below /sys/kernel."""

import re
from collections.abc import Iterable, Iterator, Mapping

from crazytrain.decode.host import cpu_count
from crazytrain.decode.proc_text import number, text
from crazytrain.model.bundle import unpack
from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.facts.host import HostParameters, KvmParameter

_PARAMETER = re.compile(r"/sys/module/(kvm\w*|vhost\w*|vfio\w*)/parameters/(\w{1,60})")
_CHOSEN = re.compile(rb"\[([\w+]{1,40})\]")
# What a command line may say that changes how guests run: the clock, idling, isolation, huge pages, KVM's own, mitigations.
_WORD = re.compile(
    r"(?:kvm[-_.]\w*|kvm|tsc|clocksource|nohpet|hpet|notsc|lapic\w*|apic|nolapic\w*|x2apic\w*|nox2apic|idle|intel_idle\.\w+"
    r"|processor\.max_cstate|cpuidle\w*\.\w+|cpuidle\.off|haltpoll\.\w+|isolcpus|nohz|nohz_full|rcu_nocbs|irqaffinity|highres"
    r"|split_lock_detect|mitigations|spectre_v2|l1tf|mds|nosmt|preempt|threadirqs|skew_tick|audit|nowatchdog|nmi_watchdog"
    r"|default_hugepagesz|hugepagesz|hugepages|transparent_hugepage|numa_balancing|numa|mem|maxcpus|nr_cpus"
    r"|intel_iommu|amd_iommu|iommu|vfio\S*|pcie_aspm|pcie_acs_override|systemd\.unified_cgroup_hierarchy|cgroup_\w+|lockdown"
    r"|nested\w*|no-kvmclock|nopv|no-steal-acc|steal\w*)(?:=\S*)?"
)
_LONGEST_WORD = 200
_MOST_WORDS = 60


def decode_host_params(evidence: Evidence) -> Iterable[object]:
    """Yield one ``HostParameters``. What could not be read stays empty or ``None``.

    Source: Documentation/admin-guide/kernel-parameters.rst, Documentation/admin-guide/sysctl/kernel.rst,
    Documentation/admin-guide/mm/{transhuge,ksm}.rst, arch/x86/kvm/x86.c (module_param).
    """
    files = {part.name: part.data for part in unpack(evidence.data) if part.outcome is Outcome.OK}
    if not files:
        return
    mitigate = _number(files, "/proc/sys/kernel/split_lock_mitigate")
    yield HostParameters(
        version=_text(files, "/proc/version"),
        words=tuple(_words(_text(files, "/proc/cmdline"))),
        kvm=tuple(_parameters(files)),
        lockdown=_chosen(files, "/sys/kernel/security/lockdown"),
        split_lock_mitigate=None if mitigate is None else bool(mitigate),
        numa_balancing=_number(files, "/proc/sys/kernel/numa_balancing"),
        transparent_huge_pages=_chosen(files, "/sys/kernel/mm/transparent_hugepage/enabled"),
        huge_page_defrag=_chosen(files, "/sys/kernel/mm/transparent_hugepage/defrag"),
        ksm=_number(files, "/sys/kernel/mm/ksm/run"),
        swappiness=_number(files, "/proc/sys/vm/swappiness"),
        hung_task_s=_number(files, "/proc/sys/kernel/hung_task_timeout_secs"),
        governor=_text(files, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        idle_driver=_text(files, "/sys/devices/system/cpu/cpuidle/current_driver"),
        nodes=cpu_count(_text(files, "/sys/devices/system/node/online")),
        refs=(evidence.ref(),),
    )


def _text(files: Mapping[str, bytes], path: str) -> str:
    return text(files.get(path, b"")).strip()


def _number(files: Mapping[str, bytes], path: str) -> int | None:
    return number(files.get(path, b""))


def _chosen(files: Mapping[str, bytes], path: str) -> str:
    """The word in brackets: ``always [madvise] never``."""
    found = _CHOSEN.search(files.get(path, b""))
    return text(found[1]) if found else ""


def _parameters(files: Mapping[str, bytes]) -> Iterator[KvmParameter]:
    for path, value in files.items():
        found = _PARAMETER.fullmatch(path)
        if found:
            yield KvmParameter(found[1], found[2], text(value).strip()[:80])


def _words(line: str) -> Iterator[str]:
    """Words that matter; what stands behind ``--`` is for init."""
    kernel = line.split(" -- ", maxsplit=1)[0].split()
    yield from [word[:_LONGEST_WORD] for word in kernel if _WORD.fullmatch(word)][:_MOST_WORDS]
