"""What threads are for, where names do not tell and a backtrace of the same process does."""

from msgspec.structs import replace

from crazytrain.model.facts import Facts, ThreadActivity, ThreadRole, ThreadUse
from crazytrain.model.facts.waits import ThreadWait, WaitInstant
from crazytrain.model.thread_names import role_by_name

_WHY = "its functions in a backtrace tell"


def derive_backtrace_roles(facts: Facts) -> ThreadActivity | None:
    """Give the threads of ``top -H`` and the like the roles that a backtrace knows by the same thread numbers.

    ``None`` where there is no backtrace, or it tells nothing that the names did not.
    """
    activity = facts.get(ThreadActivity)
    seen = {
        wait.tid: wait for instant in facts.all(WaitInstant) for wait in instant.threads if wait.picked and wait.role
    }
    if activity is None or not any(use.tid in seen for use in activity.threads):
        return None
    threads = tuple(_named(use, seen.get(use.tid)) for use in activity.threads)
    return replace(activity, threads=threads) if threads != activity.threads else None


def _named(use: ThreadUse, wait: ThreadWait | None) -> ThreadUse:
    """A role that is a guess (it has a reason) or none gives way; one by name stays."""
    if wait is None or wait.role is None or wait.role is use.role or not (use.why or use.role is ThreadRole.OTHER):
        return use
    vcpu = role_by_name(wait.comm)[1] if wait.role is ThreadRole.VCPU else None
    return replace(use, role=wait.role, vcpu=vcpu, why=_WHY)
