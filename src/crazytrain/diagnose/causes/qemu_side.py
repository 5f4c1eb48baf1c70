"""Families qemu-blocked, vcpu-cannot-run and emulated: QEMU waits, cannot go on, or must emulate."""

from crazytrain.diagnose.signs import burning_vcpus
from crazytrain.model.evidence import Outcome
from crazytrain.model.facts import DescriptorTable, QemuConfig, QemuState, ThreadActivity
from crazytrain.model.finding import Claim, Point
from crazytrain.model.guest import Accelerator

PAUSED_BY_ERROR = "io-error"


def monitor_hung(state: QemuState, threads: ThreadActivity | None) -> Claim:
    """Does QEMU's monitor not answer although the process lives?"""
    says = "QEMU's monitor does not answer: its main loop is blocked or stopped"
    if state.monitor is not Outcome.TIMED_OUT:
        fact = Point(f"the monitor: {state.monitor.value} {state.monitor_detail}".strip(), state.refs, 0.02)
        return Claim(says=says, prior=0.02, points=(fact,))
    busy = "another client" in state.monitor_detail
    points = [Point(f"the monitor timed out: {state.monitor_detail}", state.refs, 3 if busy else 60)]
    stopped = [t for t in threads.threads if "T" in t.states or "t" in t.states] if threads else []
    if stopped and threads:
        says = "QEMU's monitor does not answer: the process is stopped (state T: SIGSTOP or a debugger)"
        points.append(Point(f"{len(stopped)} of its threads are in state T, stopped", threads.refs, 50))
    return Claim(says=says, prior=0.02, points=tuple(points))


def enospc_paused(state: QemuState) -> Claim:
    """Did QEMU pause the guest because of a storage error?"""
    paused = state.status == PAUSED_BY_ERROR
    return Claim(
        says="QEMU has paused the guest because of a storage error (out of space, or the storage failed)",
        prior=0.02,
        points=(Point(f"QEMU's status is {state.status or 'not known'}", state.refs, 2000 if paused else 0.02),),
    )


def emulation_failure(state: QemuState) -> Claim:
    """Did KVM give up on an instruction?"""
    failed = state.status == "internal-error"
    return Claim(
        says="KVM could not go on with this guest (internal error): it met an instruction that it cannot emulate",
        prior=0.02,
        points=(Point(f"QEMU's status is {state.status or 'not known'}", state.refs, 1000 if failed else 0.02),),
    )


def software_emulation(
    config: QemuConfig | None, threads: ThreadActivity | None, table: DescriptorTable | None, state: QemuState | None
) -> Claim:
    """Is the guest emulated in software, without hardware virtualization?"""
    points: list[Point] = []
    if config and config.accelerator is not Accelerator.UNKNOWN:
        tcg = config.accelerator is Accelerator.TCG
        points.append(Point(f"the command line asks for {config.accelerator.value}", config.refs, 60 if tcg else 0.05))
    named = [t for t in threads.threads if t.comm.endswith("/TCG")] if threads else []
    if named and threads:
        points.append(Point(f"its vCPU threads are named {named[0].comm}", threads.refs, 500))
    if table and table.complete:
        kvm = table.of("kvm-vm") or table.of("kvm-vcpu")
        says = "it holds KVM descriptors" if kvm else "it holds no KVM descriptor"
        points.append(Point(says, table.refs, 0.001 if kvm else 30))
    if state and state.kvm is not None:
        points.append(
            Point(
                f"QEMU says: KVM {'enabled' if state.kvm else 'not enabled'}", state.refs, 0.001 if state.kvm else 500
            )
        )
    burns = " and that is slow" if burning_vcpus(threads) else ""
    return Claim(says=f"the guest runs in software emulation (TCG){burns}", prior=0.1, points=tuple(points))
