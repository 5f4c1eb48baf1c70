"""Cause main-loop-spin/fd-monitor-spin."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.signs import BUSY_LOOP_FROM_PER_S
from crazytrain.diagnose.spin_signs import READY_LOOK, Whose, loop_cpu, not_spinning, spin_points, spins
from crazytrain.model.facts import LoopActivity, Loops, QemuConfig, SyscallUse, ThreadActivity
from crazytrain.model.figures import rate, share
from crazytrain.model.finding import Claim, Family, Point

_AT_ONCE_NS = 16_384  # a wait that is over sooner found something ready, or was told not to wait
_FAST_FROM_PER_S = 5 * BUSY_LOOP_FROM_PER_S
_WAITS = frozenset(
    [
        "ppoll",
        "poll",
        "epoll_wait",
        "epoll_pwait",
        "epoll_pwait2",
        "io_uring_enter",
        "futex",
        "sched_yield",
        "clock_gettime",
    ]
)
_LIKE_A_MONITOR = "mon_iothread"


def fd_monitor_spin(
    loops: Loops, use: SyscallUse | None, threads: ThreadActivity | None, config: QemuConfig | None
) -> Claim:
    """Does a loop's own waiting (epoll, io_uring, a wake-up that is never read) return at once with nothing to do?"""
    says = "a loop of QEMU waits for nothing: its wait returns at once, again and again, with nothing to do"
    all_found = spins(loops, config)
    found = tuple(one for one in all_found if one.whose is Whose.MONITOR)
    if found:
        points = (*spin_points(found, loops), *loop_cpu(found[0].loop, threads))
        return Claim(says=f"{says} ({found[0].use.label})", prior=0.01, points=points)
    idle = next((loop for loop in loops.loops if use and _returns_for_nothing(loop, use)), None)
    if idle is None or use is None:
        against = not_spinning(loops) if not all_found else ()
        return Claim(says=says, prior=0.01, points=against, missing=() if against else (READY_LOOK,))
    done = _done_by(idle, use) * 1e9 / (use.window_ns or 1)
    fact = (
        f"the {idle.label} turned {rate(idle.turns_per_s or 0.0)} in {idle.call}, {share(_at_once(idle))} of the waits were "
        f"over within 16 µs though few asked for that, and it made only {rate(done)} other calls"
    )
    point = Point(fact, idle.refs, 60 if idle.call == "io_uring_enter" else 30)
    return Claim(says=says, prior=0.01, points=(point, *loop_cpu(idle, threads)), at_most=0.85)


def _returns_for_nothing(loop: LoopActivity, use: SyscallUse) -> bool:
    """A fast loop whose waits end at once although it did not ask for that, and which does next to nothing else."""
    if loop.label.endswith(_LIKE_A_MONITOR) or (loop.turns_per_s or 0.0) < _FAST_FROM_PER_S or not loop.waited:
        return False
    asked = loop.zero / loop.turns if loop.turns else 1.0
    return _at_once(loop) >= 0.9 and asked <= 0.2 and _done_by(loop, use) <= 0.05 * loop.turns


def _at_once(loop: LoopActivity) -> float:
    back = sum(bucket.count for bucket in loop.waited)
    return sum(bucket.count for bucket in loop.waited if bucket.high_ns <= _AT_ONCE_NS) / back if back else 0.0


def _done_by(loop: LoopActivity, use: SyscallUse) -> int:
    mine = (call for call in use.calls if call.tid == loop.tid and call.call not in _WAITS)
    return sum(call.count - call.failed for call in mine)


CAUSE = Cause(
    slug="fd-monitor-spin",
    family=Family.MAIN_LOOP_SPIN,
    rank=Rank.SPECIFIC,
    judge=fd_monitor_spin,
    absorbs=("timer-always-due", "iothread-spin", "software-emulation", "cpu-contention"),
)
