"""What lines of a host's kernel log say that somebody pasted, as points of causes. When they were said is known only among themselves."""

import re
from collections.abc import Iterable, Iterator

from crazytrain.diagnose.signs import panic_line
from crazytrain.model.facts import ConsoleLog, LineMeaning
from crazytrain.model.facts.kernel_traces import KernelTrace
from crazytrain.model.facts.logs import KernelLine, KernelLog, KernelMeaning
from crazytrain.model.finding import Point
from crazytrain.model.kernel_waits import WaitsFor, waits_for

# After a panic Linux waits in a loop for ever, unless it is to reboot: its last words name the cause, without any look at the CPU.
_PANICKED = 40.0
_LOCKED = 40.0  # the guest's own watchdog, which only an NMI could wake
# A stall that RCU tells of on a CPU that idles, or that no timer woke: nobody is stuck there, its timer's interrupt does not come.
_NO_TICK = re.compile(r"timer wakeup didn't happen|Possible timer handling issue|skipped: idling at")
_SEEMS_STUCK = (LineMeaning.SOFT_LOCKUP, LineMeaning.RCU_STALL)
# A CPU that is not run, or so slowly as in software, looks stuck to a watchdog that goes by the clock.
_LOOKS_STUCK = {
    "nested-starvation": (2.0, "so does a CPU that is not run"),
    "software-emulation": (4.0, "so does a CPU that is emulated"),
}
# A guest whose kernel complained of more than of its start has left the firmware; it may be in there again, once it was reset.
_LEFT_FIRMWARE = {"firmware-hang": 0.3, "firmware-wait": 0.3}
_RAN = (LineMeaning.OOPS, *_SEEMS_STUCK, LineMeaning.HARD_LOCKUP, LineMeaning.HUNG_TASK)
_TICKLESS = {"guest-lost-interrupt": 35.0, "guest-soft-lockup": 0.3}
M = KernelMeaning
# Cause: what a line means, and how much it speaks for it that somebody showed such a line.
_MEANINGS: dict[str, tuple[tuple[KernelMeaning, ...], float]] = {
    "storage-stall": ((M.STORAGE_SILENT,), 25),
    "memory-pressure": ((M.OOM, M.OOM_KILL), 12),
    "enospc-paused": ((M.NO_SPACE,), 12),
}
_STARVED = {
    "memory-pressure": 40.0,
    "storage-stall": 0.005,
}  # who waits for a file system then does not wait for its disk
# Threads of the kernel that serve disks to guests, and QEMU itself: where they hang, the storage does not answer.
_SERVES_DISKS = re.compile(r"(?:zvol|z_|txg_|drbd|nfsd|rbd|ceph|loop\d|dm[-_]|md\d|nbd|qemu|kvm$|worker|iou-wrk)")
# A guest asks for a register that KVM does not know, or that it leaves out: the guest gets zero or an error and goes on.
_HARMLESS = re.compile(
    r"(?:unhandled|ignored|disabled perfctr|unimplemented(?: perfctr)?):?.{0,20}(?:rd|wr)msr|MSR_IA32_DEBUGCTLMSR .{0,40}nop"
    r"|mmio generation wraparound|L1TF CPU bug|Nested (?:Virtualization|Paging) enabled|already loaded (?:the other|vendor) module",
    re.IGNORECASE,
)
_HANGS, _ALL_HARMLESS = 25.0, 40.0
# A CPU that does not leave the kernel gives nothing back that it holds: who hangs after it may hang for that.
_KEEPS_LOCKS = (M.SOFT_LOCKUP, M.HARD_LOCKUP)
# Threads of monitors other than QEMU: whose split locks the host slows down are a guest's then.
_RUNS_VCPUS = re.compile(r"vcpu|vmm|hypervisor|firecracker|crosvm|kvm|emu|bhyve|dragonball|stratovirt", re.IGNORECASE)
_LOCKS = (M.SPLIT_LOCK, M.BUS_LOCK)


def log_points(cause: str, logs: Iterable[KernelLog], traces: Iterable[KernelTrace] = ()) -> Iterator[Point]:
    """Points of one cause; a log that was read live knows when its lines were said and is the causes' own.

    A task that hangs for something else than a storage, as its trace tells, speaks for no storage.
    """
    others = frozenset(one.complaint for one in traces if waits_for(one.names) not in (None, WaitsFor.STORAGE))
    for log in logs:
        if log.wall_ns or not log.matter:
            continue
        line, ratio = _telling(cause, log, others)
        if line is not None:
            yield Point(f"the host's kernel said: {line.text}", (line.ref,), ratio)
            return


def guest_log_points(cause: str, logs: Iterable[ConsoleLog]) -> Iterator[Point]:
    """Points of one cause from a guest's log, where nobody measured what the guest does."""
    for log in logs if cause == "slow-clocksource" else ():
        if line := next((one for one in log.matter if one.meaning is LineMeaning.TSC), None):
            yield Point(f"{line.says}: that a slow clock is used comes of it", (line.ref,), 0.4)
    for log in logs if cause == "guest-hard-lockup" else ():
        if line := next((one for one in reversed(log.matter) if one.meaning is LineMeaning.HARD_LOCKUP), None):
            yield Point(line.says, (line.ref,), _LOCKED)
    yield from _tickless(cause, logs)
    yield from _not_run(cause, logs)
    yield from _left_firmware(cause, logs)
    for log in logs if cause == "guest-panic-spin" else ():
        if said := panic_line(log):
            yield Point(said.says, said.refs, _PANICKED)


def _not_run(cause: str, logs: Iterable[ConsoleLog]) -> Iterator[Point]:
    ratio, says = _LOOKS_STUCK.get(cause, (1.0, ""))
    for log in logs if says else ():
        if line := next((one for one in reversed(log.matter) if one.meaning in _SEEMS_STUCK), None):
            yield Point(f"{line.says}: {says}", (line.ref,), ratio)
            return


def _left_firmware(cause: str, logs: Iterable[ConsoleLog]) -> Iterator[Point]:
    for log in logs if cause in _LEFT_FIRMWARE else ():
        if line := next((one for one in reversed(log.matter) if one.meaning in _RAN), None):
            yield Point(f"{line.says}: its kernel ran", (line.ref,), _LEFT_FIRMWARE[cause])
            return


def _tickless(cause: str, logs: Iterable[ConsoleLog]) -> Iterator[Point]:
    for log in logs if cause in _TICKLESS else ():
        if line := next((one for one in reversed(log.matter) if _NO_TICK.search(one.says)), None):
            yield Point(line.says, (line.ref,), _TICKLESS[cause])


def _telling(cause: str, log: KernelLog, others: frozenset[str]) -> tuple[KernelLine | None, float]:
    """The last line that speaks for a cause, and how much."""
    if cause == "misread":
        harmless = all(one.meaning is M.KVM and _HARMLESS.search(one.text) for one in log.matter)
        return (log.matter[-1] if harmless else None), _ALL_HARMLESS
    starved = next((one for one in reversed(log.matter) if one.meaning is M.NO_MEMORY), None)
    if starved is not None and cause in _STARVED:
        return starved, _STARVED[cause]
    if cause == "split-lock":
        took = next((one for one in reversed(log.matter) if one.meaning in _LOCKS), None)
        return took, 25.0 if took and _RUNS_VCPUS.search(took.comm) else 4.0
    meanings, ratio = _MEANINGS.get(cause, ((), 1.0))
    found = next((one for one in reversed(log.matter) if one.meaning in meanings), None)
    if found is None and cause == "storage-stall":
        stuck = next((at for at, one in enumerate(log.matter) if one.meaning in _KEEPS_LOCKS), len(log.matter))
        hung = (one for one in log.matter[:stuck] if one.meaning is M.HUNG_TASK and _SERVES_DISKS.match(one.comm))
        return next((one for one in hung if one.text not in others), None), _HANGS
    return found, ratio
