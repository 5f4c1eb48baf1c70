"""Where each thread was while it ran: the samples by thread and role."""

from collections import Counter, defaultdict

from crazytrain.model.facts import Facts, ThreadActivity, ThreadRole, ThreadUse
from crazytrain.model.facts.stacks import CpuProfile, CpuSamples, FunctionShare, RunningStack, ThreadProfile
from crazytrain.model.qemu_functions import role_by_functions

_MOST_FUNCTIONS = 40
_KERNEL = " [k]"


def derive_profile(facts: Facts) -> CpuProfile | None:
    """Group samples by thread; ``None`` where none were taken."""
    samples = facts.get(CpuSamples)
    if samples is None:
        return None
    activity = facts.get(ThreadActivity)
    uses = {use.tid: use for use in activity.threads} if activity else {}
    by_thread: dict[int, list[RunningStack]] = defaultdict(list)
    for stack in samples.stacks:
        by_thread[stack.tid].append(stack)
    threads = [_profile(tid, tuple(stacks), uses.get(tid)) for tid, stacks in by_thread.items()]
    return CpuProfile(
        threads=tuple(sorted(threads, key=lambda thread: -thread.samples)),
        samples=samples.samples,
        refs=samples.refs,
        hz=samples.hz,
        length_ns=samples.length_ns,
    )


def _profile(tid: int, stacks: tuple[RunningStack, ...], use: ThreadUse | None) -> ThreadProfile:
    total = sum(stack.count for stack in stacks)
    inclusive, own = Counter[str](), Counter[str]()
    for stack in stacks:
        own[stack.frames[-1]] += stack.count
        for name in set(stack.frames):
            inclusive[name] += stack.count
    functions = (FunctionShare(name, count / total, own[name] / total) for name, count in inclusive.most_common())
    comm = stacks[0].comm
    role = use.role if use and use.role is not ThreadRole.OTHER else role_by_functions(inclusive) or ThreadRole.OTHER
    return ThreadProfile(
        tid=tid,
        comm=comm,
        role=role,
        label=use.label if use and use.vcpu is not None else comm if role is ThreadRole.OTHER else role.value,
        samples=total,
        stacks=stacks,
        kernel_ratio=sum(stack.count for stack in stacks if stack.frames[-1].endswith(_KERNEL)) / total,
        functions=tuple(functions)[:_MOST_FUNCTIONS],
    )
