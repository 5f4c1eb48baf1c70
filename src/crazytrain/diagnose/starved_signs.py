"""Signs that a host, itself a guest, is kept from running: its guests' CPUs then look stuck although they are well."""

from crazytrain.model.facts import HostFacts
from crazytrain.model.facts.host import HostCpu
from crazytrain.model.figures import share
from crazytrain.model.finding import Point

STOLEN_FROM = 0.15
MUCH_STOLEN_FROM = 0.4


def starved_lockup_point(host: HostFacts | None, cpu: HostCpu | None) -> tuple[Point, ...]:
    """How far a soft lockup of a guest may be its host's: against a kernel of the guest that is stuck.

    The watchdog goes by the clock: a CPU that was not run for 20 s looks to it like one that does not leave the kernel.
    """
    if host is None or not host.hypervisor:
        return ()
    if cpu is None:
        return (Point("this host is itself a guest; whether it gets its CPU time was not seen", host.refs, 0.6),)
    if cpu.steal_ratio < STOLEN_FROM:
        return ()
    says = f"the host itself was kept from running {share(cpu.steal_ratio)} of the time: a CPU that is not run looks stuck to its watchdog"
    return (Point(says, cpu.refs, 0.04 if cpu.steal_ratio >= MUCH_STOLEN_FROM else 0.25),)
