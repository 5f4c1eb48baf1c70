"""One row a guest: who takes the CPU, and which guest is the hottest."""

from collections.abc import Sequence

from crazytrain.derive.threads import derive_threads
from crazytrain.model.evidence import Evidence, Outcome
from crazytrain.model.facts import Facts, QemuConfig, TaskTable, ThreadActivity, ThreadRole
from crazytrain.model.guest import Accelerator, Guest
from crazytrain.model.overview import CpuSplit, GuestOverview

_KVM = (ThreadRole.KVM_PIT, ThreadRole.KVM_NX)


def derive_overview(guest: Guest, facts: Facts, readings: Sequence[Evidence] = ()) -> GuestOverview:
    """Sum up one guest. ``facts`` holds its thread tables of two instants; ``readings`` say why one is missing."""
    threads = derive_threads(_with_vcpus(guest, facts))
    table = facts.get(TaskTable)
    failed = next((seen for seen in readings if not seen.usable), None)
    return GuestOverview(
        guest=guest,
        window_ns=threads.window_ns if threads else 0,
        split=split_of(threads) if threads else None,
        delay_ratio=_vcpu_delay(threads) if threads else None,
        uptime_s=_uptime_s(guest, table) if table else None,
        outcome=failed.outcome if failed else Outcome.OK if threads else Outcome.ABSENT,
        detail=failed.detail if failed else "" if threads else "threads were not read twice",
        note=_note(guest, threads) if threads else "",
    )


def _with_vcpus(guest: Guest, facts: Facts) -> Facts:
    """How many vCPUs there are helps to tell threads without names apart."""
    if facts.get(QemuConfig) is not None or not guest.command_line:
        return facts
    return facts.plus(QemuConfig(binary=guest.command_line[0], vcpus=guest.vcpus))


def split_of(threads: ThreadActivity) -> CpuSplit:
    """Divide the CPU share of all threads by who took it."""
    known = (ThreadRole.VCPU, ThreadRole.MAIN_LOOP, ThreadRole.IOTHREAD, ThreadRole.VHOST, *_KVM)
    others = tuple(role for role in ThreadRole if role not in known)
    return CpuSplit(
        vcpu_ratio=threads.cpu_ratio(ThreadRole.VCPU),
        main_loop_ratio=threads.cpu_ratio(ThreadRole.MAIN_LOOP),
        iothread_ratio=threads.cpu_ratio(ThreadRole.IOTHREAD),
        vhost_ratio=threads.cpu_ratio(ThreadRole.VHOST),
        kvm_ratio=threads.cpu_ratio(*_KVM),
        other_ratio=threads.cpu_ratio(*others),
    )


def hottest(overviews: Sequence[GuestOverview]) -> GuestOverview | None:
    """The guest that takes the most CPU; ``None`` where no guest's threads could be read. The lowest pid wins a tie."""
    seen = [row for row in overviews if row.split is not None]
    return max(seen, key=lambda row: (row.split.cpu_ratio if row.split else 0.0, -row.guest.pid), default=None)


def _vcpu_delay(threads: ThreadActivity) -> float | None:
    delays = [t.delay_ratio for t in threads.of(ThreadRole.VCPU) if t.delay_ratio is not None]
    return sum(delays) if delays else None


def _uptime_s(guest: Guest, table: TaskTable) -> float | None:
    if table.host_uptime_s is None:
        return None
    return max(0.0, table.host_uptime_s - guest.process.start_ticks / table.ticks_per_s)


def _note(guest: Guest, threads: ThreadActivity) -> str:
    if threads.of(ThreadRole.VCPU):
        return next((t.why for t in threads.of(ThreadRole.VCPU) if t.why.startswith("guessed")), "")
    under = " under TCG" if guest.accelerator is Accelerator.TCG else ""
    return f"no thread{under} could be told to be a vCPU (threads without names): its share counts as other"
