"""Cause main-loop-spin/iothread-spin."""

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.diagnose.signs import wanted
from crazytrain.diagnose.spin_signs import spin_points, spins
from crazytrain.model.facts import Loops, QemuConfig, SyscallUse, ThreadActivity, ThreadRole, ThreadUse
from crazytrain.model.facts.block import BlockUse
from crazytrain.model.facts.services import Iothreads
from crazytrain.model.figures import rate, share, span
from crazytrain.model.finding import Claim, Family, Look, Point

BURNS_FROM, RESTS_TO = 0.5, 0.1  # of one CPU
HEAVY_REQUESTS_PER_S = 1000.0
WORKS_FROM_PER_S = 2000.0  # calls that move something: an iothread with that many has work
_USUAL_NS = 32_768
_WAITS = frozenset("ppoll poll epoll_wait epoll_pwait epoll_pwait2 futex".split())  # noqa: SIM905
_MONITOR = "mon_iothread"  # QEMU's own, for its monitor: our questions keep it busy
_CALLS = Look("what the iothread does", "timeout 2 strace -c -p TID   # the thread IO ... of top -H -p {pid}")


def iothread_spin(
    threads: ThreadActivity,
    loops: Loops | None,
    use: SyscallUse | None,
    config: QemuConfig | None,
    settings: Iothreads | None,
    block: BlockUse | None,
) -> Claim:
    """Does an iothread burn a CPU although it moves next to nothing?"""
    says = "an iothread burns a CPU with polling, although it moves next to nothing"
    mine = [t for t in threads.of(ThreadRole.IOTHREAD) if not t.comm.endswith(_MONITOR)]
    if not mine:
        return Claim(says=says, prior=0.01, points=(Point("it has no iothread", threads.refs, 0.01),))
    worst = max(mine, key=wanted)
    burns = wanted(worst)
    fact = f"the iothread {worst.comm.removeprefix('IO ')} wanted {share(burns)} of a CPU"
    points = [Point(fact, threads.refs, 8 if burns >= BURNS_FROM else 0.02 if burns <= RESTS_TO else 0.5)]
    points.extend(_stuck_points(worst, loops, config))
    points.extend(_work_points(worst, use))
    points.extend(_setting_points(worst, settings))
    points.extend(_disk_points(block))
    # That it moves next to nothing nobody has seen who saw neither its calls nor its turns.
    seen = use is not None or loops is not None
    return Claim(
        says=says, prior=0.02, points=tuple(points), missing=() if use else (_CALLS,), at_most=1.0 if seen else 0.75
    )


def _stuck_points(thread: ThreadUse, loops: Loops | None, config: QemuConfig | None) -> tuple[Point, ...]:
    found = tuple(one for one in spins(loops, config) if one.loop.tid == thread.tid)
    return spin_points(found, loops) if found and loops else ()


def _work_points(thread: ThreadUse, use: SyscallUse | None) -> tuple[Point, ...]:
    """What it moves: calls that succeed, waits apart. Polling happens between them, where no call shows it."""
    if use is None or not use.window_ns:
        return ()
    done = sum(c.count - c.failed for c in use.calls if c.tid == thread.tid and c.call not in _WAITS)
    per_s = done * 1e9 / use.window_ns
    says = f"it made {rate(per_s)} calls that move something"
    if per_s >= WORKS_FROM_PER_S:
        return (Point(f"{says}: it has work", use.refs, 0.05),)
    user = "; the rest of its time is its own code" if thread.user_ratio >= 0.5 * thread.cpu_ratio else ""
    return (Point(says + user, use.refs, 8 if per_s <= 0.25 * WORKS_FROM_PER_S else 1.5),)


def _disk_points(block: BlockUse | None) -> tuple[Point, ...]:
    """What the disks moved: an iothread has work where that is much."""
    requests = sum(disk.requests_per_s for disk in block.disks) if block else 0.0
    if block is None or requests < HEAVY_REQUESTS_PER_S:
        return ()
    return (Point(f"the disks had {rate(requests)} requests: an iothread has work then", block.refs, 0.1),)


def _setting_points(thread: ThreadUse, settings: Iothreads | None) -> tuple[Point, ...]:
    """For how long it may poll before it sleeps, as QEMU says."""
    polls = next((one.poll_max_ns for one in settings.iothreads if one.tid == thread.tid), None) if settings else None
    if polls is None or settings is None:
        return ()
    says = f"it may poll for {span(polls)} before it sleeps (poll-max-ns; usual: {span(_USUAL_NS)})"
    return (Point(says, settings.refs, 5 if polls > _USUAL_NS else 0.3 if polls == 0 else 1),)


CAUSE = Cause(
    slug="iothread-spin",
    family=Family.MAIN_LOOP_SPIN,
    rank=Rank.SPECIFIC,
    judge=iothread_spin,
    absorbs=("timer-always-due", "software-emulation", "cpu-contention", "healthy-idle", "healthy-busy"),
)
