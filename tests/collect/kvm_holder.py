"""A process that holds a virtual machine with two vCPUs in KVM, and their statistics, as QEMU 8 does; it runs no guest.

It writes one JSON line: the descriptors, and the statistics of its first vCPU as it reads them itself. Then it waits.
"""

import fcntl
import json
import os

KVM_CREATE_VM, KVM_CREATE_VCPU, KVM_GET_STATS_FD = 0xAE01, 0xAE41, 0xAECE

machine = fcntl.ioctl(os.open("/dev/kvm", os.O_RDWR), KVM_CREATE_VM, 0)
vcpus = [fcntl.ioctl(machine, KVM_CREATE_VCPU, number) for number in range(2)]
whole = fcntl.ioctl(machine, KVM_GET_STATS_FD, 0)
each = [fcntl.ioctl(vcpu, KVM_GET_STATS_FD, 0) for vcpu in vcpus]
print(json.dumps({"vm": whole, "vcpus": each, "first": os.pread(each[0], 1 << 16, 0).hex()}), flush=True)
os.read(0, 1)
