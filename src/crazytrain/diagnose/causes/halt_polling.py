"""Cause exit-storm/halt-polling."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.signs import vcpu_share
from crazytrain.model.facts import KvmExits, KvmStats, ThreadActivity, ThreadRole, VcpuView
from crazytrain.model.figures import rate, share
from crazytrain.model.finding import Claim, Family, Look, Point

MATTERS_FROM = 0.15  # of one CPU
_IDLES_FROM = 0.5
_SETTING = Look("how long KVM may poll", "cat /sys/module/kvm/parameters/halt_poll_ns")


def halt_polling(
    threads: ThreadActivity, exits: KvmExits | None, stats: KvmStats | None, view: VcpuView | None
) -> Claim:
    """Does the host spend CPU time in KVM's halt polling while the guest idles?"""
    says = "the host spends CPU time on polling for an idle guest: KVM's halt polling"
    points = [*_traced(exits), *_counted(stats)]
    if not points:
        return Claim(says=says, prior=0.02, missing=(_SETTING,))
    used = vcpu_share(threads)
    guest = sum(t.guest_ratio for t in threads.of(ThreadRole.VCPU))
    fact = f"the vCPU threads took {share(used)} of a CPU, {share(guest)} of it in guest mode"
    points.append(Point(fact, threads.refs, 3 if used >= MATTERS_FROM and guest < 0.5 * used else 0.3))
    if view and view.vcpus:
        halted = min(v.halted_ratio for v in view.vcpus)
        says_halted = f"each vCPU was halted in at least {share(halted)} of the samples"
        points.append(Point(says_halted, view.refs, 2 if halted >= _IDLES_FROM else 0.3))
    return Claim(says=says, prior=0.02, points=tuple(points))


def _traced(exits: KvmExits | None) -> tuple[Point, ...]:
    if exits is None or not exits.window_ns or not exits.halts:
        return ()
    polled = sum(halt.polled_ns for halt in exits.halts) / exits.window_ns
    halts = sum(halt.polled + halt.waited for halt in exits.halts)
    fact = f"of {rate(exits.per_s(halts))} halts, those that ended while KVM polled took {share(polled)} of a CPU"
    return (Point(fact, exits.refs, _ratio(polled)),)


def _counted(stats: KvmStats | None) -> tuple[Point, ...]:
    """KVM's own sum of the time that it polled, with and without success."""
    told = [stats.per_s(name) for name in ("halt_poll_success_ns", "halt_poll_fail_ns")] if stats else []
    if stats is None or all(one is None for one in told):
        return ()
    polled = sum(one or 0.0 for one in told) / 1e9
    return (Point(f"KVM counted {share(polled)} of a CPU spent in halt polling", stats.refs, _ratio(polled)),)


def _ratio(polled: float) -> float:
    return 40 if polled >= MATTERS_FROM else 0.03 if polled < 0.03 else 0.5


CAUSE = Cause(
    slug="halt-polling",
    family=Family.EXIT_STORM,
    rank=Rank.SYMPTOM,  # timers that fire too often keep it polling: they say more
    judge=halt_polling,
)
