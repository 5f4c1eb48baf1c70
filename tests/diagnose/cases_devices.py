"""Causes that lie in QEMU's own code of a device: facts that hit, and a near miss that must not."""

from crazytrain.model.facts import ThreadRole
from crazytrain.model.facts.stacks import CpuProfile, RunningStack, ThreadProfile
from tests.diagnose import making as m

_IN_DEVICE = (
    "qemu_kvm_cpu_thread_fn",
    "kvm_cpu_exec",
    "address_space_rw",
    "memory_region_write_accessor",
    "nic_set_ring",
    "nic_walk_ring",
)
_IN_GUEST = ("qemu_kvm_cpu_thread_fn", "kvm_cpu_exec", "kvm_vcpu_ioctl", "ioctl", "vmx_vcpu_run [k]")


def profile(in_device: int, in_guest: int) -> CpuProfile:
    burning = next(t for t in m.threads(vcpu=1.0).threads if t.role is ThreadRole.VCPU)
    stacks = (
        RunningStack(tid=burning.tid, comm=burning.comm, frames=_IN_DEVICE, count=in_device),
        RunningStack(tid=burning.tid, comm=burning.comm, frames=_IN_GUEST, count=in_guest),
    )
    thread = ThreadProfile(
        tid=burning.tid,
        comm=burning.comm,
        role=ThreadRole.VCPU,
        label="vCPU 0",
        samples=in_device + in_guest,
        stacks=stacks,
        kernel_ratio=0.0,
    )
    return CpuProfile(threads=(thread,), samples=in_device + in_guest, refs=m.REFS)


CASES = {
    "device-loop": (
        (m.threads(vcpu=1.0), profile(99, 1)),
        (m.threads(vcpu=1.0), profile(60, 40)),  # a guest that polls the device
    ),
}
