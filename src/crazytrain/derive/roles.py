"""What each thread of a QEMU process is for: by its name, by what the monitor says, by what it does."""

from collections.abc import Sequence

import msgspec

from crazytrain.model.facts import DescriptorTable, Facts, ProcessFacts, QemuConfig, QemuState, SyscallUse
from crazytrain.model.facts.threads import TaskReading, TaskTable, ThreadRole
from crazytrain.model.thread_names import role_by_name

# Threads of the kernel that work for a guest; a name of QEMU's on a thread of the kernel says nothing.
_OF_THE_KERNEL = (ThreadRole.VHOST, ThreadRole.KVM_PIT, ThreadRole.KVM_NX, ThreadRole.IO_URING)
_COMPUTES_TICKS = 50  # of CPU time: what tells a thread that runs a guest from those that only wait
_MORE_THAN_OTHERS = 10


class Role(msgspec.Struct, frozen=True):
    """A thread's role, which vCPU it is, and how we know where the name does not say."""

    role: ThreadRole
    vcpu: int | None = None
    why: str = ""


class Hints(msgspec.Struct, frozen=True, kw_only=True):
    """What is known beside the threads themselves.

    ``vcpu_tids`` maps thread ids to vCPU indexes as the monitor says (``None``: one thread runs several), ``runs`` the
    same as seen in system calls on vCPU descriptors. ``vcpus`` is how many the command line asks for.
    """

    pid: int | None
    vcpu_tids: dict[int, int | None]
    runs: dict[int, int | None]
    vcpus: int | None = None

    @property
    def only(self) -> int | None:
        """The index of the only vCPU; ``None`` where there are several, or it is not known."""
        return 0 if self.vcpus == 1 else None


def hints_of(facts: Facts, tables: Sequence[TaskTable]) -> Hints:
    """Gather what helps to tell the threads of these tables apart."""
    process, config = facts.get(ProcessFacts), facts.get(QemuConfig)
    said = next((table.pid for table in tables if table.pid is not None), process.pid if process else None)
    own = [task.tid for table in tables for task in table.tasks if not task.kernel]
    tids = next((told.vcpu_tids for told in reversed(facts.all(QemuState)) if told.vcpu_tids), ())
    return Hints(
        pid=said if said is not None else min(own, default=None),
        vcpu_tids={tid: index if tids.count(tid) == 1 else None for index, tid in enumerate(tids)},
        runs=_vcpu_callers(facts),
        vcpus=config.vcpus if config else None,
    )


def _vcpu_callers(facts: Facts) -> dict[int, int | None]:
    """Threads that were seen to call on a vCPU's descriptor: only KVM_RUN is called there again and again."""
    use, table = facts.get(SyscallUse), facts.get(DescriptorTable)
    found: dict[int, int | None] = {}
    for call in use.calls if use and table else ():
        descriptor = table.get(call.fd) if table and call.call == "ioctl" else None
        if descriptor and descriptor.kind == "kvm-vcpu" and call.tid is not None:
            found[call.tid] = descriptor.vcpu if call.tid not in found or found[call.tid] == descriptor.vcpu else None
    return found


def roles_of(tasks: Sequence[TaskReading], hints: Hints) -> dict[tuple[int, int], Role]:
    """Give each thread its role, by thread id and start time. ``tasks`` are their last readings."""
    roles = {(task.tid, task.start_ticks): _role(task, hints) for task in tasks}
    vcpus = [key for key, role in roles.items() if role.role is ThreadRole.VCPU]
    if not vcpus and hints.vcpus:
        return roles | _those_that_compute(tasks, roles, hints.vcpus)
    if len(vcpus) == hints.vcpus and all(roles[key].vcpu is None for key in vcpus):
        return roles | _numbered(vcpus, roles)
    return roles


def _numbered(vcpus: Sequence[tuple[int, int]], roles: dict[tuple[int, int], Role]) -> dict[tuple[int, int], Role]:
    """Number all vCPU threads where none has a number: QEMU starts them in order."""
    in_order = sorted(vcpus, key=lambda key: (key[1], key[0]))
    return {
        key: Role(ThreadRole.VCPU, index, f"{roles[key].why}; numbered in the order in which they started")
        for index, key in enumerate(in_order)
    }


def _role(task: TaskReading, hints: Hints) -> Role:
    named, index = role_by_name(task.comm)
    if task.kernel:
        return Role(named if named in _OF_THE_KERNEL else ThreadRole.OTHER)
    if named in _OF_THE_KERNEL:  # whoever named that thread, it was not the kernel
        named = ThreadRole.OTHER
    if task.tid in hints.vcpu_tids:
        return Role(ThreadRole.VCPU, hints.vcpu_tids[task.tid], "the monitor names this thread")
    if task.tid == hints.pid:
        return Role(ThreadRole.MAIN_LOOP)
    if named is ThreadRole.VCPU and index is None:
        return Role(named, hints.only, "" if hints.vcpus == 1 else "one thread runs all vCPUs")
    return Role(named, index) if named is not ThreadRole.OTHER else _role_by_deeds(task, hints)


def _role_by_deeds(task: TaskReading, hints: Hints) -> Role:
    """Threads without names (QEMU before 2.0, or debug-threads=off) share the process's name."""
    if task.tid in hints.runs:
        index = hints.runs[task.tid]
        return Role(ThreadRole.VCPU, hints.only if index is None else index, "it calls KVM_RUN on a vCPU's descriptor")
    if task.guest_ticks > 0:
        return Role(ThreadRole.VCPU, hints.only, "it has spent time in guest mode")
    return Role(ThreadRole.OTHER)


def _those_that_compute(
    tasks: Sequence[TaskReading], roles: dict[tuple[int, int], Role], vcpus: int
) -> dict[tuple[int, int], Role]:
    """Threads without names under TCG: as many as there are vCPUs, if they alone have computed, and by far the most.

    A guest whose vCPUs have idled since its start is not told this way: better unknown than wrong.
    """
    others = [t for t in tasks if roles[t.tid, t.start_ticks].role is ThreadRole.OTHER and not t.kernel]
    ranked = sorted(others, key=_ticks, reverse=True)
    busy, rest = ranked[:vcpus], ranked[vcpus:]
    if len(busy) < vcpus or _ticks(busy[-1]) < _least_ticks(rest):
        return {}
    why = "guessed: of the threads without names, those that have computed are as many as the guest has vCPUs"
    keys = sorted(((t.tid, t.start_ticks) for t in busy), key=lambda key: (key[1], key[0]))
    return {key: Role(ThreadRole.VCPU, index, why) for index, key in enumerate(keys)}


def _least_ticks(idlers: Sequence[TaskReading]) -> int:
    return max([_COMPUTES_TICKS, *(_MORE_THAN_OTHERS * _ticks(task) for task in idlers)])


def _ticks(task: TaskReading) -> int:
    return task.user_ticks + task.system_ticks
