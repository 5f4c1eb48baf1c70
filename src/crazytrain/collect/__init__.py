"""Guest to evidence: one file per source. ``COLLECTORS`` is the registry, in the order in which they start."""

from crazytrain.collect import (
    bpf,
    console,
    descriptors,
    host_facts,
    identity,
    monitor,
    pvclock,
    strace_burst,
    tasks,
    vcpus,
)
from crazytrain.collect.look import Collector

COLLECTORS: tuple[Collector, ...] = (
    identity.COLLECTOR,
    tasks.COLLECTOR,
    bpf.COLLECTOR,
    descriptors.COLLECTOR,
    host_facts.COLLECTOR,
    monitor.COLLECTOR,
    vcpus.COLLECTOR,
    pvclock.COLLECTOR,
    console.COLLECTOR,
    strace_burst.COLLECTOR,
)
