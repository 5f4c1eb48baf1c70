"""Which side burns or waits: said even where no cause is found."""

from crazytrain.diagnose.signs import wanted
from crazytrain.model.facts import Coverage, Facts, SyscallUse, ThreadActivity, ThreadRole
from crazytrain.model.figures import share

MATTERS_FROM = 0.15


def who_burns(facts: Facts) -> str:
    """A sentence on who takes the CPU, for a verdict of unknown; empty where threads were not seen."""
    threads = facts.get(ThreadActivity)
    if threads is None or not threads.threads:
        return _of_a_trace(facts)
    roles = {role: sum(wanted(t) for t in threads.of(role)) for role in ThreadRole if threads.of(role)}
    hot = sorted(((used, role) for role, used in roles.items() if used >= MATTERS_FROM), reverse=True)
    if not hot:
        return "nobody burns: all threads together take next to nothing"
    named = " and ".join(f"the {role.value} side ({share(used)} of a CPU wanted)" for used, role in hot[:2])
    return f"{named} burns" if len(hot) == 1 else f"{named} burn"


def _of_a_trace(facts: Facts) -> str:
    use = facts.get(SyscallUse)
    if use is not None and use.coverage is Coverage.ONE_THREAD:
        return "one thread was seen, the others were not: who burns cannot be told"
    return ""
