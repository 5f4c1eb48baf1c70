"""A CPU of the host that does not get out of its kernel while it runs a thread of QEMU, as points of host-kernel-regression.

A vCPU's thread leaves the kernel, or rests in it, every few ms. A CPU that stands in KVM's own code for 20 s is in a loop there, which
no guest may cause: that is a fault of the host's kernel. Without the functions it is less: making a large memory free takes long, too.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from crazytrain.model.facts.kernel_traces import KernelTrace
from crazytrain.model.facts.logs import KernelLog, KernelMeaning
from crazytrain.model.finding import Point

CAUSE = "host-kernel-regression"
_STUCK = re.compile(r"soft lockup|hard LOCKUP")
_QEMU = re.compile(r"qemu|kvm$|CPU \d+/KVM")
_KVM = ("kvm_*", "vmx_*", "svm_*", "sev_*", "kvmppc_*", "kvmhv_*")
# Who enters the guest is out of the kernel, who waits for a lock is kept by others, and who makes pages of the guest known or free has
# much to do. The timers of the guest are the causes' of timers.
_NOT_OWN = ("vmx_vcpu_*", "svm_vcpu_*", "kvm_vcpu_*", "native_queued_spin_lock_slowpath", "queued_*", "_raw_*", "apic_timer_fn", "kvm_mmu_*",
            "kvm_tdp_*", "kvm_zap_*", "kvm_unmap_*", "smp_call_function_*", "osq_lock", "rwsem_*", "mutex_*")  # fmt: skip
# What works for its caller on one piece of memory.
_TOOLS = ("clflush*", "clear_page*", "memset*", "memcpy*", "__memset*", "__memcpy*", "find_next_*", "_find_next_*")
_INNERMOST = 3
_IN_KVM, _SOMEWHERE = 25.0, 4.0
_LOCKUPS = (KernelMeaning.SOFT_LOCKUP, KernelMeaning.HARD_LOCKUP)
# One waits for the other then: to make memory free takes long on one CPU alone.
_CPU = re.compile(r"CPU ?#?(\d{1,5})")
_MANY_FROM, _MANY = 3, 15.0


def host_lockup_points(cause: str, traces: Sequence[KernelTrace], logs: Iterable[KernelLog]) -> Iterator[Point]:
    """The first such trace, else the first such line of a log that somebody pasted."""
    if cause != CAUSE:
        return
    stuck = [one for one in traces if one.host and _STUCK.search(one.complaint) and _QEMU.match(one.comm)]
    for trace in stuck:
        first, inner = _of(trace, 1), _of(trace, _INNERMOST)
        if first.has(*_KVM) and not inner.has(*_NOT_OWN):
            says = f"a CPU of the host stood in KVM's own {trace.names[0]} for long: {trace.complaint}"
            yield Point(says, trace.refs, _IN_KVM)
            return
    lines = [one for log in logs if not log.wall_ns for one in log.matter if one.meaning in _LOCKUPS]
    for line in (one for one in lines if not stuck and _QEMU.match(one.comm)):
        many = len({found[1] for one in lines if (found := _CPU.search(one.text))}) >= _MANY_FROM
        says = (
            "many CPUs of the host did not get out of its kernel"
            if many
            else "a CPU of the host did not get out of its kernel"
        )
        yield Point(f"{says}: {line.text}", (line.ref,), _MANY if many else _SOMEWHERE)
        return


def _of(trace: KernelTrace, number: int) -> KernelTrace:
    """The innermost functions of a trace, without one that only works for the next."""
    tool = KernelTrace(host=trace.host, sure=trace.sure, functions=trace.names[:1]).has(*_TOOLS)
    return KernelTrace(host=trace.host, sure=trace.sure, functions=trace.names[tool : number + tool])
