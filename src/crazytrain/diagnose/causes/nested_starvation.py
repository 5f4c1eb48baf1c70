"""Cause emulated/nested-starvation."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.model.facts import HostFacts
from crazytrain.model.facts.host import HostCpu, HostParameters
from crazytrain.model.figures import share
from crazytrain.model.finding import Claim, Family, Point

STOLEN_FROM = 0.15
LITTLE_TO = 0.03


def nested_starvation(host: HostFacts, cpu: HostCpu, parameters: HostParameters | None) -> Claim:
    """Is the host itself a guest that does not get the CPU time it wants?"""
    says = "this host is itself a guest, and the machine below takes CPU time away from it"
    if host.hypervisor is False:
        plain = Point("this host is no guest itself", host.refs, 0.02)
        return Claim(says=says, prior=0.02, points=(plain,), ruled_out=True)
    points = [Point("this host is itself a guest", host.refs, 2)] if host.hypervisor else []
    stolen = cpu.steal_ratio
    fact = f"{share(stolen)} of its CPU time was taken by the machine below (steal)"
    points.append(Point(fact, cpu.refs, 60 if stolen >= STOLEN_FROM else 0.05 if stolen <= LITTLE_TO else 1))
    if parameters and stolen >= STOLEN_FROM and parameters.is_on("ept") is False:
        points.append(Point("KVM has no second level of page tables here (ept=N)", parameters.refs, 2))
    return Claim(says=says, prior=0.02, points=tuple(points))


CAUSE = Cause(
    slug="nested-starvation",
    family=Family.EMULATED,
    rank=Rank.PRESSURE,
    judge=nested_starvation,
)
