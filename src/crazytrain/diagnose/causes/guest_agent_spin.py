"""Cause main-loop-spin/guest-agent-spin."""

from crazytrain.diagnose.busy_signs import account_of
from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.signs import AWAKE_HALTED_TO
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.inside_view import TaskShare
from crazytrain.model.figures import count, share
from crazytrain.model.finding import Claim, Family, Look, Point

AGENTS = (
    "qemu-ga",
    "qemu-guest-agent",
    "spice-vdagent",
    "spice-vdagentd",
    "ovirt-guest-age",
)  # a task's name has 15 characters
BURNS_FROM = 0.5  # of the looks; or of what its busiest CPU worked, by the guest's own account
_INSIDE = Look("which program of the guest is on its CPUs", "crazytrain inside {name}   # or: top, in the guest")


def guest_agent_spin(inside: GuestInside | None) -> Claim:
    """Does the agent in the guest spin on its virtio port?"""
    says = "the agent inside the guest turns without end on its port, whose other side is closed or takes nothing"
    if inside is None or not any(task.seen for task in inside.view.tasks):
        told = _account_points(inside)
        return Claim(says=says, prior=0.01, points=told, missing=(_INSIDE,), at_most=0.9)
    agent = max((t for t in inside.view.tasks if _is_agent(t)), key=_seen, default=None)
    if agent is None or agent.seen is None:
        none = Point("no agent was seen on a CPU of the guest", inside.refs, 0.03)
        return Claim(says=says, prior=0.01, points=(none,))
    part = f"{share(_seen(agent))} of {count(agent.seen.samples, 'look')}"
    point = Point(
        f"{agent.comm} (pid {agent.pid} in the guest) was on a CPU in {part}",
        inside.refs,
        500 if _seen(agent) >= BURNS_FROM else 0.1,
    )
    return Claim(says=says, prior=0.01, points=(point,), at_most=0.9)


def _account_points(inside: GuestInside | None) -> tuple[Point, ...]:
    """What the guest's own account says of its agent, where nobody looked who is on its CPUs."""
    told = account_of(inside)
    agents = [t for t in inside.view.tasks if _is_agent(t) and t.cpu_ratio is not None] if inside else []
    agent = max(agents, key=_accounted, default=None)
    if inside is None or told is None or agent is None:
        return ()
    worked = told.user + told.kernel
    burns = told.idle <= AWAKE_HALTED_TO and _accounted(agent) >= BURNS_FROM * max(worked, 0.01)
    says = (
        f"the guest's own account: {agent.comm} (pid {agent.pid}) took {share(_accounted(agent))} of a CPU; "
        f"CPU {told.cpu} worked {share(worked)} of the time and idled {share(told.idle)}"
    )
    return (Point(says, inside.refs, 300 if burns else 0.1),)


def _accounted(task: TaskShare) -> float:
    return task.cpu_ratio or 0.0


def _is_agent(task: TaskShare) -> bool:
    return task.comm.startswith(AGENTS) and not task.kernel_thread


def _seen(task: TaskShare) -> float:
    return task.seen.ratio if task.seen else 0.0


CAUSE = Cause(
    slug="guest-agent-spin",
    family=Family.MAIN_LOOP_SPIN,
    rank=Rank.SPECIFIC,
    judge=guest_agent_spin,
    absorbs=("guest-user-busy", "guest-kernel-busy"),
)
