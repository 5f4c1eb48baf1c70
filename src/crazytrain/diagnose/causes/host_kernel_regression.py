"""Cause host-pressure/host-kernel-regression."""

import re

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.signs import burning_vcpus
from crazytrain.model.facts import HostFacts, ThreadActivity, ThreadRole
from crazytrain.model.facts.host import HostParameters
from crazytrain.model.facts.memory import MemoryUse
from crazytrain.model.figures import rate, share
from crazytrain.model.finding import Claim, Family, Point

# NUMA balancing against KVM's faults on preemptible kernels: reported from 6.2 on, settled in 6.8.
FIRST, FIXED = (6, 2), (6, 8)
HINTS_FROM_PER_S = 1000.0
_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})")
_OWN_FROM = 0.3
_SAYS = "a fault of this host's kernel fits"
_NUMA = "NUMA balancing holds the lock that the guest's page faults need, as is known of it"
_NOT_KNOWN = 0.2  # another fault than the known one it may have all the same, and tell of itself in its log


def host_kernel_regression(
    host: HostFacts, parameters: HostParameters, memory: MemoryUse | None, threads: ThreadActivity | None
) -> Claim:
    """Does a known fault of the host's kernel explain it: NUMA balancing that keeps KVM from its own memory?"""
    found = _VERSION.match(host.kernel)
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    if not FIRST <= version < FIXED:
        why = f"the host's kernel {host.kernel} is not among those that are known for it"
        return Claim(says=_SAYS, prior=0.01, points=(Point(why, host.refs, _NOT_KNOWN),))
    nodes, balances = parameters.nodes or 1, bool(parameters.numa_balancing)
    if nodes < 2 or not balances:
        why = f"the host has {nodes} node of memory" if nodes < 2 else "NUMA balancing is off"
        return Claim(says=_SAYS, prior=0.01, points=(Point(why, parameters.refs, _NOT_KNOWN),))
    points = [Point(f"kernel {host.kernel}, {nodes} nodes of memory and NUMA balancing are known for it", host.refs, 4)]
    if memory:
        hints = memory.per_s("numa_hint_faults") or 0.0
        moved = memory.per_s("numa_pages_migrated") or 0.0
        busy = hints >= HINTS_FROM_PER_S
        fact = f"NUMA balancing made tasks fault {rate(hints)} and moved {rate(moved)} pages"
        points.append(Point(fact, memory.refs, 15 if busy else 0.05))
    if threads and burning_vcpus(threads):
        own = max(thread.user_ratio + thread.system_ratio for thread in threads.of(ThreadRole.VCPU))
        fact = f"a vCPU thread spent {share(own)} of a CPU outside of guest mode"
        points.append(Point(fact, threads.refs, 3 if own >= _OWN_FROM else 0.3))
    # Distributions carry fixes back, so a version says no more than that it may be.
    return Claim(says=f"{_SAYS}: {_NUMA}", prior=0.01, points=tuple(points), at_most=0.6)


CAUSE = Cause(
    slug="host-kernel-regression", family=Family.HOST_PRESSURE, rank=Rank.SYMPTOM, judge=host_kernel_regression
)
