"""Causes of family qemu-blocked that rest on what threads wait for: facts that hit, and a near miss that must not."""

from crazytrain.model.evidence import Outcome, Ref
from crazytrain.model.facts import QemuState, ThreadRole
from crazytrain.model.facts.stacks import StackFrame
from crazytrain.model.facts.waits import KVM_RUN, HeldLock, Waiting, Waits
from tests.diagnose import making as m

REFS = (Ref("waits.3", 20),)
HUNG = QemuState(monitor=Outcome.TIMED_OUT, monitor_detail="no greeting within 1 s", refs=m.REFS)
ANSWERS = QemuState(monitor=Outcome.OK, status="running", refs=m.REFS)


def frames(*names: str) -> tuple[StackFrame, ...]:
    return tuple(StackFrame(module="qemu-system-x86_64", offset=16 * n, symbol=name) for n, name in enumerate(names))


def wait(role: ThreadRole, call: str, seconds: float, **more: object) -> Waiting:
    tid = {ThreadRole.MAIN_LOOP: 10, ThreadRole.VCPU: 11, ThreadRole.WORKER: 12, ThreadRole.OTHER: 13}[role]
    label = "vCPU 0" if role is ThreadRole.VCPU else role.value
    known: dict[str, object] = {"state": "S", "at_least_ns": int(seconds * 1e9), "timed": True, "refs": REFS, **more}
    return Waiting(tid=tid, comm="qemu", label=label, role=role, call=call, **known)  # type: ignore[arg-type]


LOCK = HeldLock(address=0x5600, owner=10, waiters=(11,), big=True, why="made", refs=REFS)


def waits(*threads: Waiting, locked: bool = False) -> Waits:
    return Waits(window_ns=m.WINDOW_NS, instants=4, threads=threads, locks=(LOCK,) if locked else (), refs=REFS)


RESTS = wait(ThreadRole.MAIN_LOOP, "ppoll", 0.4, wchan="poll_schedule_timeout")
RUNS = wait(ThreadRole.VCPU, "ioctl", 9.0, request=KVM_RUN, fd=14)
WANTS = wait(ThreadRole.VCPU, "futex", 4.0, lock=LOCK)
DRAINS = wait(
    ThreadRole.MAIN_LOOP, "ppoll", 6.0, endless=True, frames=frames("ppoll", "aio_poll", "bdrv_drained_begin", "main")
)
OPENS = wait(ThreadRole.MAIN_LOOP, "openat", 4.0, on="/mnt/nfs/iso", wchan="rpc_wait_bit_killable")
READS = wait(
    ThreadRole.WORKER, "pread64", 8.0, on="fd 8 (disk image d.qcow2)", state="D", kernel=("nfs_wait_bit_killable",)
)
USB = wait(ThreadRole.MAIN_LOOP, "ioctl", 3.0, fd=21, request=0xC0185500, kernel=("usb_start_wait_urb",))

CASES: dict[str, tuple[tuple[object, ...], tuple[object, ...]]] = {
    # the main loop in open() for seconds; or in ppoll, as an idle one
    "blocked-sync-io": ((waits(OPENS, WANTS, locked=True), HUNG), (waits(RESTS, RUNS), ANSWERS)),
    # a worker in pread for 8 s; or for a moment, as workers of a busy guest are
    "storage-stall": ((waits(RESTS, READS),), (waits(RESTS, wait(ThreadRole.WORKER, "pread64", 0.02)),)),
    # a drain with nothing in flight; or with a worker that still reads: then the storage is what is slow
    "block-drain-deadlock": ((waits(DRAINS, WANTS, locked=True), HUNG), (waits(DRAINS, READS), ANSWERS)),
    "postcopy-wait": (
        (waits(RESTS, wait(ThreadRole.VCPU, "ioctl", 2.0, request=KVM_RUN, kernel=("handle_userfault",))),),
        (waits(RESTS, wait(ThreadRole.VCPU, "ioctl", 2.0, request=KVM_RUN, kernel=("kvm_vcpu_block",))),),
    ),
    "blocked-usb-host": ((waits(USB, WANTS), HUNG), (waits(RESTS, RUNS), ANSWERS)),
}
