"""What threads without names are for, where neither their deeds nor the monitor told, and the functions that they were seen in do."""

from collections.abc import Iterator

from msgspec.structs import replace

from crazytrain.model.facts import Facts, KvmExits, QemuConfig, ThreadActivity, ThreadRole, ThreadUse
from crazytrain.model.facts.stacks import CpuProfile
from crazytrain.model.facts.waits import Waits

_WHY = "the functions that it was seen in tell"


def derive_seen_roles(facts: Facts) -> ThreadActivity | None:
    """Give threads that have no role the one that samples or stacks of this look show; ``None`` where they tell nothing new.

    A guest without a monitor and without thread names under TCG is told no other way.
    """
    activity, config = facts.get(ThreadActivity), facts.get(QemuConfig)
    seen = dict(_seen(facts))
    if activity is None or not seen:
        return None
    only = 0 if config and config.vcpus == 1 else None
    threads = tuple(_named(use, seen.get(use.tid, ThreadRole.OTHER), only) for use in activity.threads)
    return replace(activity, threads=threads) if threads != activity.threads else None


def _seen(facts: Facts) -> Iterator[tuple[int, ThreadRole]]:
    """Thread numbers and roles: of samples first, then of stacks, which say it for certain."""
    profile, waits = facts.get(CpuProfile), facts.get(Waits)
    told = [(thread.tid, thread.role) for thread in (profile.threads if profile else ())]
    told += [(wait.tid, wait.role) for wait in (waits.threads if waits else ())]
    told += [(tid, ThreadRole.VCPU) for exits in facts.all(KvmExits) for tid in _left_guest_mode(exits)]
    return ((tid, role) for tid, role in told if role is not ThreadRole.OTHER)


def _left_guest_mode(exits: KvmExits) -> Iterator[int]:
    """Only vCPU threads halt in KVM, or leave guest mode."""
    yield from (halt.tid for halt in exits.halts)
    yield from (left.tid for left in (*exits.exits, *exits.userspace) if left.tid is not None)


def _named(use: ThreadUse, role: ThreadRole, only: int | None) -> ThreadUse:
    if use.role is not ThreadRole.OTHER or role is ThreadRole.OTHER:
        return use
    return replace(use, role=role, vcpu=only if role is ThreadRole.VCPU else None, why=_WHY)
