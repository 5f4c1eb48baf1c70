"""Cause main-loop-spin/vhost-busy."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.signs import wanted
from crazytrain.model.facts import ThreadActivity, ThreadRole
from crazytrain.model.figures import share
from crazytrain.model.finding import Claim, Family, Point

BUSY_FROM, CALM_TO = 0.5, 0.1  # of one CPU


def vhost_busy(threads: ThreadActivity) -> Claim:
    """Does the kernel's vhost thread of this guest work all the time?"""
    says = "a vhost thread works without rest: much network or disk traffic, or a notification that never ends"
    workers = threads.of(ThreadRole.VHOST)
    if not workers:
        return Claim(says=says, prior=0.01, points=(Point("there is no vhost thread", threads.refs, 0.05),))
    busiest = max(workers, key=wanted)
    used = wanted(busiest)
    fact = f"{busiest.comm} (thread {busiest.tid}) wanted {share(used)} of a CPU"
    ratio = 100 if used >= BUSY_FROM else 0.02 if used <= CALM_TO else 2
    points = [Point(fact, threads.refs, ratio)]
    others = max((wanted(t) for t in threads.threads if t not in workers), default=0.0)
    if ratio > 1 and others > 2 * used:
        points.append(Point(f"another thread wanted more: {share(others)}", threads.refs, 0.3))
    return Claim(says=says, prior=0.02, points=tuple(points))


CAUSE = Cause(slug="vhost-busy", family=Family.MAIN_LOOP_SPIN, rank=Rank.SPECIFIC, judge=vhost_busy)
