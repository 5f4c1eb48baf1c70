"""Cause main-loop-spin/display-load."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.signs import wanted
from crazytrain.model import fdrole
from crazytrain.model.facts import DescriptorTable, ThreadActivity, ThreadRole, ThreadUse
from crazytrain.model.facts.services import Displays
from crazytrain.model.facts.stacks import CpuProfile
from crazytrain.model.figures import count, share
from crazytrain.model.finding import Claim, Family, Look, Point

WORKS_FROM, RESTS_TO = 0.2, 0.03  # of one CPU, over all screen workers
NAMELESS_AT_MOST = 0.7
CODE, MOSTLY = ("vnc_", "spice_", "red_"), 0.5  # of a thread's samples


def display_load(
    threads: ThreadActivity,
    displays: Displays | None,
    profile: CpuProfile | None,
    table: DescriptorTable | None,
) -> Claim:
    """Does sending the guest's screen to VNC or SPICE clients take the time?"""
    says = "sending the guest's screen to remote clients (VNC or SPICE) takes the time"
    workers = (*threads.of(ThreadRole.VNC), *threads.of(ThreadRole.SPICE)) or _by_their_code(threads, profile)
    if not workers and (nameless := _by_elimination(threads, table)):
        only = (_nameless_point(nameless, threads),)
        return Claim(says=says, prior=0.02, points=only, at_most=NAMELESS_AT_MOST)
    if not workers:
        return Claim(says=says, prior=0.01, points=(Point("there is no VNC or SPICE thread", threads.refs, 0.02),))
    used = sum(wanted(worker) for worker in workers)
    points = [Point(f"the screen's threads wanted {share(used)} of a CPU", threads.refs, _ratio(used))]
    others = sum(wanted(t) for t in threads.threads) - used
    if used >= WORKS_FROM and others > 2 * used:
        points.append(Point(f"all other threads wanted more: {share(others)}", threads.refs, 0.3))
    if displays:
        points.append(_clients_point(displays))
    missing = (
        () if displays else (Look("who watches the screen", "virsh qemu-monitor-command {name} --hmp 'info vnc'"),)
    )
    return Claim(says=says, prior=0.02, points=tuple(points), missing=missing)


def _by_their_code(threads: ThreadActivity, profile: CpuProfile | None) -> tuple[ThreadUse, ...]:
    """Threads without names (no debug-threads=on) that were mostly in VNC's or SPICE's functions; never the main loop."""
    drawing = {
        thread.tid
        for thread in (profile.threads if profile else ())
        if any(f.name.startswith(CODE) and f.inclusive >= MOSTLY for f in thread.functions)
    }
    return tuple(t for t in threads.threads if t.tid in drawing and t.role is not ThreadRole.MAIN_LOOP)


def _by_elimination(threads: ThreadActivity, table: DescriptorTable | None) -> ThreadUse | None:
    """A thread without a name that computes while a VNC client is connected: neither loop nor vCPU, and no worker of disks computes so."""
    watched = any(
        d.role.startswith(fdrole.VNC) and "client connected" in d.role for d in (table.descriptors if table else ())
    )
    vcpus = threads.of(ThreadRole.VCPU)
    others = [t for t in threads.of(ThreadRole.OTHER) if wanted(t) >= WORKS_FROM and t.user_ratio >= t.system_ratio]
    return others[0] if watched and vcpus and len(others) == 1 else None


def _nameless_point(thread: ThreadUse, threads: ThreadActivity) -> Point:
    says = (
        f"thread {thread.tid} wanted {share(wanted(thread))} of a CPU; it is neither a loop nor a vCPU, and a VNC client is "
        "connected, for whom such a thread works"
    )
    return Point(says, threads.refs, 100)


def _ratio(used: float) -> float:
    if used >= WORKS_FROM:
        return 60
    return 0.02 if used <= RESTS_TO else 2


def _clients_point(displays: Displays) -> Point:
    if displays.clients:
        verb = "is" if displays.clients == 1 else "are"
        return Point(f"{count(displays.clients, 'client')} of VNC or SPICE {verb} connected", displays.refs, 4)
    return Point("no client of VNC or SPICE is connected", displays.refs, 0.05)


CAUSE = Cause(slug="display-load", family=Family.MAIN_LOOP_SPIN, rank=Rank.SPECIFIC, judge=display_load)
