"""What lines of managers, firmware and boot loaders say, and descriptors that hang up, as points of causes.

Such a line was printed because of the trouble, and somebody chose to show it; still it tells a symptom and nobody looked at the guest, so it
never reaches 0.8 by itself.
"""

from collections.abc import Iterable, Iterator

from crazytrain.diagnose.bare_signs import shutdowns
from crazytrain.model.facts import (
    Descriptor,
    DescriptorTable,
    Facts,
    KvmExits,
    KvmStats,
    ThreadActivity,
    ThreadRole,
    VcpuSamples,
)
from crazytrain.model.facts.logs import KernelLog, QemuLog, QemuMeaning
from crazytrain.model.facts.stacks import CpuSamples
from crazytrain.model.facts.told import Telling, Topic
from crazytrain.model.facts.tool_lines import HungUp, ToolLine
from crazytrain.model.facts.tool_lines import ToolMeaning as M
from crazytrain.model.facts.top_tasks import TopTasks
from crazytrain.model.facts.waits import WaitInstant
from crazytrain.model.figures import count, share
from crazytrain.model.finding import Point
from crazytrain.model.qemu_functions import fits

_RATIOS: dict[M, dict[str, float]] = {
    M.MONITOR_SILENT: {"monitor-hung": 45, "blocked-sync-io": 2, "block-drain-deadlock": 2, "storage-stall": 1.5},
    M.STOPPED_FOR_ERROR: {"enospc-paused": 80, "storage-stall": 1.5, "paused": 0.1},
    M.POOL_FULL: {"enospc-paused": 40, "storage-stall": 1.5, "paused": 0.005},
    M.FELL_BACK: {"software-emulation": 40},
    M.NO_KVM: {"software-emulation": 15},
    M.STATE_DUMPED: {"vmentry-failure": 80},
    M.FIRMWARE_FAILED: {"firmware-hang": 40, "firmware-wait": 0.3},
    M.NOTHING_TO_BOOT: {"firmware-wait": 12, "firmware-hang": 0.5},
    M.MIGRATING: {"migration-running": 10},
    M.POSTCOPY_BROKE: {"postcopy-wait": 30},
    M.POSTCOPY_RUNS: {"postcopy-wait": 60, "migration-running": 0.02},
    M.QEMU_KILLED: {"memory-pressure": 40},
    M.CPU_LACKS: {"cpu-mismatch": 30},
    M.RUN_REFUSED: {"vmentry-failure": 15, "emulation-failure": 10},
    M.NO_MEMORY_TO_RUN: {"memory-pressure": 8, "host-kernel-regression": 4},
    M.NOT_DECODED: {"emulation-failure": 40},
    M.STATE_REFUSED: {"cpu-mismatch": 12, "vmentry-failure": 3},
    M.CLOCK_STEPPED: {"kvmclock-jump": 12, "rtc-catchup": 1.5},
    M.STRAY_INTERRUPT: {"guest-lost-interrupt": 8, "interrupt-storm": 1.5},
    M.HALF_CLOSED: {"dead-client-spin": 15, "usernet-spin": 3},
    M.THROTTLED: {"throttle-timer-spin": 5},
    M.USER_NETWORK: {"usernet-spin": 3},
    M.FPU_STATE: {"cpu-mismatch": 20},
    M.PAUSED_TOLD: {"paused": 80, "enospc-paused": 0.7},
    M.POLLS_IDLE: {"idle-poll": 30, "guest-user-busy": 0.5},
    M.HOST_IS_GUEST: {"nested-starvation": 12, "cpu-contention": 0.6, "guest-soft-lockup": 0.2, "storage-stall": 0.7},
    M.IRQ_UNHANDLED: {"interrupt-storm": 30, "guest-lost-interrupt": 1.5},
    M.GUEST_DISK_SILENT: {"guest-hung-io": 5, "storage-stall": 5, "guest-lost-interrupt": 2, "blocked-sync-io": 2},
    M.BAD_ADDRESS: {"vfio-memory-fault": 30},
    M.QEMU_SWAPPED: {"memory-pressure": 12, "guest-memory-thrash": 0.3},
    M.NO_MEMORY_LEFT: {"memory-pressure": 4, "guest-memory-thrash": 3},
    M.QUEUES: {"cpu-contention": 35},
    M.VCPU_WAITS: {"cpu-contention": 150},
    M.IRQ_RATE: {"interrupt-storm": 60},
    M.TICK_RATE: {"apic-timer-storm": 10, "pit-hpet-storm": 2},
    M.DISK_AWAITS: {"storage-stall": 20, "blocked-sync-io": 3, "guest-hung-io": 1.5, "guest-io-heavy": 0.7},
    M.DISK_MOVES: {"guest-io-heavy": 4, "storage-stall": 0.3},
    M.SPREAD: {"memory-pressure": 4},
    M.MOVES_MUCH: {
        "guest-io-heavy": 30,
        "storage-stall": 0.2,
        "block-drain-deadlock": 0.2,
        "blocked-sync-io": 0.3,
        "iothread-spin": 0.2,
    },
    M.DISK_SLOW: {"storage-stall": 8, "blocked-sync-io": 2, "guest-io-heavy": 0.5},
    M.VCPUS_SHARE: {"cpu-contention": 25},
    M.TASKS_AT_DISK: {"guest-hung-io": 20, "storage-stall": 3, "guest-lost-interrupt": 1.5, "guest-soft-lockup": 0.5},
    M.LONG_CALL: {"blocked-sync-io": 25, "storage-stall": 1.5},
    M.INVALID_OPCODE: {"cpu-mismatch": 6},
    M.MAP_REFUSED: {"vfio-memory-fault": 20},
    M.USB_TIMED_OUT: {"blocked-usb-host": 25},
    M.USB_LOST: {"blocked-usb-host": 6},
    M.QUOTA: {"cpu-contention": 40, "steal-time-overflow": 0.1},
    M.STORAGE_LOST: {"storage-stall": 18, "guest-hung-io": 1.5},
    M.DISK_SERVERS_HANG: {"storage-stall": 25, "guest-hung-io": 0.3},
    M.MEMORY_STALLS: {"memory-pressure": 30, "guest-memory-thrash": 0.8},
    M.CLOCK_WENT_BACK: {"tsc-unstable": 15, "kvmclock-jump": 3},
    M.GUEST_HALTED: {"guest-halted-dead": 25},
    M.RTC_PERIODIC: {"rtc-periodic-storm": 30},
    M.IN_GUEST_PROGRAMS: {"guest-user-busy": 15},
    M.IN_GUEST_KERNEL: {"guest-kernel-busy": 6, "guest-soft-lockup": 1.5, "guest-spinlock": 1.5},
    M.FIRMWARE_AGAIN: {"guest-reboot-loop": 30, "firmware-hang": 0.5, "firmware-wait": 0.5},
    M.SAME_PAGE: {"page-fault-loop": 12},
    M.TRACE_CUT: {"guest-panic-spin": 6, "guest-soft-lockup": 2, "guest-hard-lockup": 2},
    M.TCG_CPU: {"software-emulation": 40},
    M.EMULATION_SET: {"software-emulation": 40},
    M.SWAPS: {"memory-pressure": 8, "guest-memory-thrash": 9, "storage-stall": 0.4, "guest-io-heavy": 0.4},
}
# KVM_EXIT_IO, _MMIO, _SHUTDOWN, _FAIL_ENTRY, _INTERNAL_ERROR: what it was when somebody looked.
_LAST_EXITS: dict[str, dict[str, float]] = {
    "2": {"pio-poll": 8},
    "6": {"mmio-poll": 8},
    "8": {"triple-fault": 40},
    "9": {"vmentry-failure": 40},
    "17": {"emulation-failure": 40},
}
_SERVANTS: tuple[tuple[str, dict[str, float]], ...] = (
    ("vhost-", {"vhost-busy": 60, "guest-lost-interrupt": 0.5}),
    ("kswapd", {"memory-pressure": 12}),
    ("kcompactd", {"memory-pressure": 12}),
    ("khugepaged", {"memory-pressure": 10}),
    ("ksmd", {"memory-pressure": 6}),
)
_VHOST_FROM = 0.5
_SET_ONLY = 3.0
_OF_LOAD = frozenset(
    {
        Topic.CPU_FULL, Topic.CPU_SOME, Topic.VCPUS_FULL, Topic.USER_TIME, Topic.SYSTEM_TIME, Topic.NO_HALT, Topic.FEW_EXITS, Topic.GUEST_IDLE,
        Topic.HOST_LOAD, Topic.WAKEUPS,
    }
)  # fmt: skip
_MEASURES_LOAD: tuple[type[object], ...] = (ThreadActivity, VcpuSamples, KvmExits, KvmStats, TopTasks, CpuSamples)
_LAST_STANDARD = 2
# Causes that a descriptor which hangs up for ever speaks for, by what it is.
_AGENT_PORTS = ("/dev/vport", "/dev/virtio-ports/")
_ENDS_LIKE = ("pty", "tty", "pipe")
_AGAIN, _AGAIN_FROM = 3.0, 4
# What the network answers to a datagram (udp(7)): of QEMU's parts user networking alone sends such.
_REFUSED = frozenset({"ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH"})
# A vhost worker without work sleeps in its own loop; one that is met in a handler was at work.
_VHOST_WORKS = (
    "vhost_get_vq_desc",
    "handle_rx*",
    "handle_tx*",
    "vhost_net_*",
    "vhost_add_used*",
    "vhost_signal*",
    "vhost_scsi_*",
    "tun_*",
)


def tool_line_points(cause: str, facts: Facts) -> Iterator[Point]:
    """Points of one cause: of lines of one meaning the first, and of servants the busiest."""
    seen: set[M] = set()
    # What is known to be the host's log is weighed as such.
    seen |= {M.STORAGE_LOST} if any(log.matter for log in facts.all(KernelLog)) else set()
    seen |= {M.BAD_ADDRESS} if facts.all(QemuLog) else set()
    for line in sorted(facts.all(ToolLine), key=lambda one: -(one.value or 0.0)):
        ratio = _ratio(cause, line)
        if line.meaning is M.POLLS_IDLE and ratio > 1 and not _complains_of_load(facts):
            ratio = _SET_ONLY
        if ratio != 1.0 and line.meaning not in seen:
            seen.add(line.meaning)
            yield Point(f"{line.meaning.value}: {line.text}", (line.ref,), ratio)
    yield from _gone(cause, facts.all(HungUp), facts.get(DescriptorTable))
    yield from _shut_down(cause, facts.all(KvmExits))
    yield from _again_and_again(cause, facts.all(QemuLog))
    yield from _vhost_stack(cause, facts.all(WaitInstant))


def _complains_of_load(facts: Facts) -> bool:
    """Whether anybody speaks of CPU time or measured some: a setting alone troubles nobody. Text without any word tells nothing of that."""
    told = {one.topic for telling in facts.all(Telling) for one in telling.told}
    return not told or bool(told & _OF_LOAD) or any(facts.all(kind) for kind in _MEASURES_LOAD)


def _ratio(cause: str, line: ToolLine) -> float:
    if line.meaning is M.LAST_EXIT:
        return _LAST_EXITS.get(line.who, {}).get(cause, 1.0)
    if line.meaning is M.NO_ACCELERATOR:
        return {"software-emulation": 40.0 if line.value == 1 else 2.5}.get(cause, 1.0)
    if line.meaning is not M.SERVES:
        return _RATIOS.get(line.meaning, {}).get(cause, 1.0)
    if line.who.startswith("vhost-") and (line.value or 0.0) < _VHOST_FROM:
        return 1.0
    return next((ratios.get(cause, 1.0) for name, ratios in _SERVANTS if line.who.startswith(name)), 1.0)


def _gone(cause: str, every: Iterable[HungUp], table: DescriptorTable | None) -> Iterator[Point]:
    """One whose data is read all the same is being emptied: its last bytes come first, and then its end."""
    for one in every:
        found = table.get(one.fd) if table else None
        ratio = _of_gone(one, found).get(cause, 1.0)
        if not one.taken and ratio != 1.0:
            label = found.label if found else f"fd {one.fd}"
            says = (
                f"{label} was ready ({', '.join(one.events)}) in {share(one.ready / one.waits)} of {count(one.waits, 'wait')}, "
                "and nothing came from it"
            )
            yield Point(says, one.refs, ratio)
            return


def _of_gone(one: HungUp, found: Descriptor | None) -> dict[str, float]:
    """Causes that it speaks for, by what it is; where no listing tells that, by the call that met its end."""
    refused = bool(_REFUSED & set(one.errors))
    if found is not None and found.target.startswith(_AGENT_PORTS):
        return {"dead-client-spin": 0.5, "chardev-spin": 0.5, "guest-agent-spin": 25.0}
    if found is not None and found.kind in _ENDS_LIKE:
        return {"dead-client-spin": 3.0, "chardev-spin": 15.0}
    if found is None and one.fd <= _LAST_STANDARD:  # what is typed at a terminal is a character device's
        return {"dead-client-spin": 3.0, "chardev-spin": 25.0}
    if "EIO" in one.errors:  # what the master of a pty reads once nobody holds the other side open
        return {"dead-client-spin": 1.5, "chardev-spin": 60.0}
    if one.urgent and one.ended != "read":  # of QEMU's parts user networking alone asks for POLLPRI (net/slirp.c)
        return {"dead-client-spin": 1.5, "chardev-spin": 0.5, "usernet-spin": 45.0}
    if refused:
        return {"dead-client-spin": 3.0, "chardev-spin": 2.0, "usernet-spin": 20.0}
    # Who serves it leaves it at its first end: to meet the end again and again is no way of working.
    again = _AGAIN if one.ended and one.ready >= _AGAIN_FROM else 1.0
    if found is None and one.ended == "read":  # QEMU reads sockets by recvmsg, and pipes and terminals by read
        return {"dead-client-spin": 3.0, "chardev-spin": 12.0 * again, "usernet-spin": 1.0}
    return {"dead-client-spin": 15.0 * again, "chardev-spin": 2.0, "usernet-spin": 1.5}


def _vhost_stack(cause: str, instants: Iterable[WaitInstant]) -> Iterator[Point]:
    met = ((one.refs, thread) for one in instants if not one.mono_ns for thread in one.threads)
    for one_refs, thread in met if cause == "vhost-busy" else ():
        inner = thread.kernel[0] if thread.kernel else ""
        if thread.role is ThreadRole.VHOST and any(fits(inner, name) for name in _VHOST_WORKS):
            yield Point(f"a vhost thread was in {inner} when somebody looked", one_refs, 25)
            return


def _again_and_again(cause: str, logs: Iterable[QemuLog]) -> Iterator[Point]:
    """A log that tells of several triple faults: it starts each time, and never gets far."""
    for log in logs if cause == "guest-reboot-loop" else ():
        lines = log.of(QemuMeaning.TRIPLE_FAULT)
        if len(lines) > 1:
            yield Point(f"QEMU wrote of {count(len(lines), 'triple fault')}", (lines[0].ref, lines[-1].ref), 60)
            return


def _shut_down(cause: str, every: Iterable[KvmExits]) -> Iterator[Point]:
    """A triple fault in lines of a trace that are too few for a window."""
    for exits in every if cause == "triple-fault" else ():
        if not exits.window_ns and shutdowns(exits):
            yield Point(f"KVM's trace has {count(shutdowns(exits), 'triple fault')}", exits.refs, 30)
            return
