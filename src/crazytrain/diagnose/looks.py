"""For each kind of fact: the look that gives it, so that a cause that lacks it can name what would decide."""

import re

from crazytrain.model import facts as f
from crazytrain.model.facts.block import BlockUse, DiskStates
from crazytrain.model.facts.cgroup import CgroupLimits
from crazytrain.model.facts.clock_setup import ClockArgv, ClockState
from crazytrain.model.facts.devices import DeviceTree, VirtioReading, VirtQueues
from crazytrain.model.facts.dumps import FailureDump
from crazytrain.model.facts.firmware import BareView
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.host import HostCpu, HostParameters
from crazytrain.model.facts.kernel_traces import KernelTrace
from crazytrain.model.facts.logs import HostLog, QemuLog
from crazytrain.model.facts.memory import FaultRates, MemoryUse
from crazytrain.model.facts.process import ProcessFacts
from crazytrain.model.facts.qemu import QemuEra
from crazytrain.model.facts.resets import Resets
from crazytrain.model.facts.services import BalloonUse, Displays, Iothreads, Migration, Network
from crazytrain.model.facts.stacks import CpuProfile
from crazytrain.model.facts.storage import GuestStorage
from crazytrain.model.facts.tool_lines import HungUp
from crazytrain.model.facts.waits import Waits
from crazytrain.model.finding import Look

_CAPITAL = re.compile(r"([A-Z])")
LOOKS: dict[type, Look] = {
    f.ThreadActivity: Look(
        "the CPU share of every QEMU thread", "crazytrain why {name}   # or: top -H -b -n 2 -p {pid}"
    ),
    f.SyscallUse: Look(
        "system calls of all threads over some seconds", "crazytrain why {name}   # or: strace -f -c -p {pid}"
    ),
    f.TraceStory: Look("some lines of the main loop", "timeout 1 strace -tt -T -p {pid}"),
    f.DescriptorTable: Look("what each descriptor is", "ls -l /proc/{pid}/fd"),
    f.Loops: Look("how often the main loop turns, and with which timeouts", "crazytrain why {name}"),
    f.KvmExits: Look("why the vCPUs leave guest mode", "crazytrain why {name}   # as root, with bpftrace"),
    f.VcpuView: Look(
        "where the vCPUs are", "crazytrain why {name}   # or: info registers -a, several times, in the monitor"
    ),
    f.QemuState: Look("what QEMU says of itself", "virsh qemu-monitor-command {name} --hmp 'info status'"),
    f.QemuConfig: Look("QEMU's command line", "tr '\\0' ' ' < /proc/{pid}/cmdline"),
    ClockArgv: Look("QEMU's command line", "tr '\\0' ' ' < /proc/{pid}/cmdline"),
    f.InterruptRates: Look(
        "how often each interrupt line fires", "virsh qemu-monitor-command {name} --hmp 'info irq'   # twice"
    ),
    f.ConsoleLog: Look("the guest's own console", "virsh console {name}   # or its log file"),
    GuestInside: Look(
        "what the guest's own kernel says", "crazytrain inside {name}   # as root, an x86-64 Linux guest"
    ),
    ClockState: Look("what the guest keeps time by", "crazytrain clock {name}"),
    VirtQueues: Look(
        "what the queues of its disks hold", "crazytrain why {name}   # x-query-virtio-queue-status in the monitor"
    ),
    VirtioReading: Look(
        "what the queues of its disks hold", "crazytrain why {name}   # x-query-virtio-queue-status in the monitor"
    ),
    f.GuestClock: Look("the guest's kvmclock page", "crazytrain why {name}   # as root, a KVM guest"),
    f.HostFacts: Look(
        "the host's clocksource and load", "cat /sys/devices/system/clocksource/clocksource0/current_clocksource"
    ),
    Waits: Look("what each thread of QEMU waits for, and since when", "crazytrain why {name}   # as root"),
    f.KvmStats: Look(
        "KVM's own counters",
        """virsh qemu-monitor-command {name} '{"execute": "query-stats", "arguments": {"target": "vcpu"}}'   # QEMU 7.1 on""",
    ),
    HostLog: Look("the host's kernel log", "journalctl -k -b --no-pager | tail -n 200"),
    QemuLog: Look("QEMU's own log", "tail -n 60 /var/log/libvirt/qemu/{name}.log"),
    HostParameters: Look("how the host's kernel is set up", "uname -r; grep -r . /sys/module/kvm/parameters"),
    HostCpu: Look("where the host's CPU time goes, steal and iowait too", "vmstat 1 5"),
    CgroupLimits: Look(
        "the limits of its control group, and how often they were met",
        "crazytrain why {name}   # or: virsh schedinfo {name}",
    ),
    MemoryUse: Look("how long the host waits for memory", "cat /proc/pressure/memory"),
    FaultRates: Look(
        "how much of the guest is swapped, and how often it waits for that",
        "grep VmSwap /proc/{pid}/status; ps -o maj_flt -p {pid}   # twice",
    ),
    KernelTrace: Look("the call trace of the host's kernel", "journalctl -k -b --no-pager | grep -A40 'Call Trace'"),
    FailureDump: Look("the register dump that QEMU wrote", "tail -n 80 /var/log/libvirt/qemu/{name}.log"),
    Resets: Look("resets, as QEMU tells of them", "virsh event {name} --event reboot --loop"),
    BareView: Look("what the vCPUs do where no system runs", "virsh screenshot {name}   # and: crazytrain why {name}"),
    ProcessFacts: Look("since when QEMU runs, and as whom", "ps -o lstart,user,args -p {pid}"),
    QemuEra: Look("QEMU's version", "virsh qemu-monitor-command {name} --hmp 'info version'"),
    DeviceTree: Look("the guest's devices", "virsh qemu-monitor-command {name} --hmp 'info qtree'"),
    Displays: Look("who watches the screen", "virsh qemu-monitor-command {name} --hmp 'info vnc'"),
    CpuProfile: Look("which functions of QEMU take the CPU", "perf top -p {pid}"),
    Migration: Look("the migration's state", "virsh domjobinfo {name}"),
    BalloonUse: Look("how much memory the guest has, twice", "virsh dommemstat {name}"),
    Network: Look("how many packets its network cards carry, twice", "virsh domstats --interface {name}"),
    BlockUse: Look("how much its disks move, twice", "virsh domstats --block {name}"),
    DiskStates: Look("limits and errors of its disks", "virsh qemu-monitor-command {name} --hmp 'info block -v'"),
    HungUp: Look(
        "what the main loop's reads give, line by line", "timeout 1 strace -f -e trace=ppoll,read,recvmsg -p {pid}"
    ),
    GuestStorage: Look("how full the storage behind its disks is", "virsh domblklist {name}; df -h"),
    Iothreads: Look("how long its iothreads may poll", "virsh qemu-monitor-command {name} --hmp 'info iothreads'"),
}


# What decides more cases than any single figure; ``{healthy}`` becomes the guest that was compared with.
HEALTHY_BESIDE = Look("the same from a healthy guest beside it", "crazytrain diff {name} {healthy}")


def look_for(wanted: type) -> Look:
    """The look that gives this kind of fact; one that has none of its own comes with every look at a guest."""
    return LOOKS.get(wanted) or Look(_CAPITAL.sub(r" \1", wanted.__name__).strip().lower(), "crazytrain why {name}")
