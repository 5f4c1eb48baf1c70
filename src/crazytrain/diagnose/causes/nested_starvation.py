"""Cause emulated/nested-starvation."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.signs import is_fresh
from crazytrain.diagnose.starved_signs import STOLEN_FROM
from crazytrain.model.facts import ConsoleLog, HostFacts, LineMeaning
from crazytrain.model.facts.host import HostCpu, HostParameters
from crazytrain.model.facts.logs import HostLog, KernelMeaning
from crazytrain.model.figures import share
from crazytrain.model.finding import Claim, Family, Look, Point

LITTLE_TO = 0.03
NOT_MEASURED_AT_MOST = 0.75
_STUCK = (LineMeaning.SOFT_LOCKUP, LineMeaning.RCU_STALL)
_HOST_STUCK = (KernelMeaning.SOFT_LOCKUP, KernelMeaning.RCU_STALL)
_STEAL = Look("how much the machine below takes away", "vmstat 1 5   # column st")


def nested_starvation(
    host: HostFacts,
    cpu: HostCpu | None,
    parameters: HostParameters | None,
    console: ConsoleLog | None,
    log: HostLog | None,
) -> Claim:
    """Is the host itself a guest that does not get the CPU time it wants?"""
    says = "this host is itself a guest, and the machine below takes CPU time away from it"
    if host.hypervisor is False:
        plain = Point("this host is no guest itself", host.refs, 0.02)
        return Claim(says=says, prior=0.02, points=(plain,), ruled_out=True)
    points = [Point("this host is itself a guest", host.refs, 2)] if host.hypervisor else []
    points += _stolen(cpu, parameters) if cpu else ()
    if host.hypervisor and (cpu is None or cpu.steal_ratio > LITTLE_TO):
        points += (*_guest_stuck(console), *_host_stuck(log))
    if cpu is None:
        return Claim(says=says, prior=0.02, points=tuple(points), missing=(_STEAL,), at_most=NOT_MEASURED_AT_MOST)
    return Claim(says=says, prior=0.02, points=tuple(points))


def _stolen(cpu: HostCpu, parameters: HostParameters | None) -> tuple[Point, ...]:
    stolen = cpu.steal_ratio
    fact = f"{share(stolen)} of its CPU time was taken by the machine below (steal)"
    point = Point(fact, cpu.refs, 60 if stolen >= STOLEN_FROM else 0.05 if stolen <= LITTLE_TO else 1)
    if parameters and stolen >= STOLEN_FROM and parameters.is_on("ept") is False:
        return point, Point("KVM has no second level of page tables here (ept=N)", parameters.refs, 2)
    return (point,)


def _guest_stuck(console: ConsoleLog | None) -> tuple[Point, ...]:
    """A guest whose CPU was not run for long says that it is stuck."""
    lines = [line for line in console.matter if line.meaning in _STUCK] if console else []
    if not console or not lines or not is_fresh(console, lines[-1]):
        return ()
    return (
        Point(f"the guest's watchdog spoke, as it does when a CPU is not run: {lines[-1].text}", (lines[-1].ref,), 4),
    )


def _host_stuck(log: HostLog | None) -> tuple[Point, ...]:
    """The same of the host's own kernel: it stood still, too."""
    lines = log.of(*_HOST_STUCK) if log else ()
    return (
        (Point(f"the host's own watchdog spoke, too: {lines[-1].line.text}", (lines[-1].line.ref,), 6),)
        if lines
        else ()
    )


CAUSE = Cause(
    slug="nested-starvation",
    family=Family.EMULATED,
    rank=Rank.PRESSURE,
    judge=nested_starvation,
)
