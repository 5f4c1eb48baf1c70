"""For each kind of fact: the look that gives it, so that a cause that lacks it can name what would decide."""

from crazytrain.model import facts as f
from crazytrain.model.facts.devices import VirtQueues
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.waits import Waits
from crazytrain.model.finding import Look

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
    f.InterruptRates: Look("how often each interrupt line fires", "info irq, twice, in the monitor"),
    f.ConsoleLog: Look("the guest's own console", "virsh console {name}   # or its log file"),
    GuestInside: Look(
        "what the guest's own kernel says", "crazytrain inside {name}   # as root, an x86-64 Linux guest"
    ),
    VirtQueues: Look(
        "what the queues of its disks hold", "crazytrain why {name}   # x-query-virtio-queue-status in the monitor"
    ),
    f.GuestClock: Look("the guest's kvmclock page", "crazytrain why {name}   # as root, a KVM guest"),
    f.HostFacts: Look(
        "the host's clocksource and load", "cat /sys/devices/system/clocksource/clocksource0/current_clocksource"
    ),
    Waits: Look("what each thread of QEMU waits for, and since when", "crazytrain why {name}   # as root"),
    f.KvmStats: Look("KVM's own counters", "query-stats in the monitor"),
}


def look_for(wanted: type) -> Look:
    """The look that gives this kind of fact."""
    return LOOKS.get(wanted, Look(wanted.__name__))
