"""Setting the KVM clock of the lab's own guest, by the ioctls that a migration uses.

KVM takes them from the process only that made the virtual machine, so that process is made to call.
"""

import mmap
import os
import struct
from pathlib import Path

import msgspec

from crazytrain.lab.errors import LabError
from crazytrain.lab.ptrace import Caller, stopped

_KVM_GET_CLOCK = 0x8030AE7C
_KVM_SET_CLOCK = 0x4030AE7B
_CLOCK_DATA = struct.Struct("<QII QQ 4I")  # struct kvm_clock_data: clock, flags, pad, realtime, host_tsc, pad
_VM_LINK = "anon_inode:kvm-vm"
_SYS_MMAP, _SYS_MUNMAP, _SYS_IOCTL = 9, 11, 16
_ULL = 1 << 64


class ClockStep(msgspec.Struct, frozen=True, kw_only=True):
    """The KVM clock of a virtual machine around the step, as KVM_GET_CLOCK has it: unsigned 64-bit ns."""

    before_ns: int
    set_ns: int
    after_ns: int


def step_kvm_clock(pid: int, step_ns: int) -> ClockStep:
    """Add ``step_ns`` to the KVM clock of this process's virtual machine and return what became of it.

    QEMU's main thread stands still meanwhile, for milliseconds. ``LabError`` when it has no virtual machine, may not be
    traced, or KVM refuses.
    """
    vm = _vm_descriptor(pid)
    with stopped(pid) as caller:
        try:
            return _step(caller, vm, step_ns)
        except OSError as error:
            raise LabError(f"KVM does not let its clock be set: {error.strerror}") from error


def _step(caller: Caller, vm: int, step_ns: int) -> ClockStep:
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    page = caller.call(_SYS_MMAP, 0, mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0)
    try:
        before_ns = _get(caller, vm, page)
        set_ns = (before_ns + step_ns) % _ULL
        os.pwrite(caller.memory, _CLOCK_DATA.pack(set_ns, 0, 0, 0, 0, 0, 0, 0, 0), page)
        caller.call(_SYS_IOCTL, vm, _KVM_SET_CLOCK, page)
        return ClockStep(before_ns=before_ns, set_ns=set_ns, after_ns=_get(caller, vm, page))
    finally:
        caller.call(_SYS_MUNMAP, page, mmap.PAGESIZE)


def _get(caller: Caller, vm: int, page: int) -> int:
    caller.call(_SYS_IOCTL, vm, _KVM_GET_CLOCK, page)
    return int.from_bytes(os.pread(caller.memory, 8, page), "little")


def _vm_descriptor(pid: int) -> int:
    for link in Path(f"/proc/{pid}/fd").iterdir():
        if str(link.readlink()) == _VM_LINK:
            return int(link.name)
    raise LabError(f"process {pid} has no descriptor of a KVM virtual machine", "is it run by KVM?")
