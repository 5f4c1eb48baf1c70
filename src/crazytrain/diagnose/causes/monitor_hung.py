"""Cause qemu-blocked/monitor-hung."""

from collections.abc import Iterator

from crazytrain.diagnose.cause import Cause, Rank
from crazytrain.model.evidence import Outcome
from crazytrain.model.facts import Loops, QemuState, ThreadActivity, ThreadRole, ThreadUse, VcpuView
from crazytrain.model.figures import count, rate
from crazytrain.model.finding import Claim, Family, Point

BY_SIGNAL, BY_TRACER = "T", "t"
TURNS_FROM_PER_S = 2.0
AGAIN_FROM = 2  # looks
OF_THE_KERNEL = (ThreadRole.VHOST, ThreadRole.KVM_PIT, ThreadRole.KVM_NX, ThreadRole.IO_URING)


def monitor_hung(state: QemuState, threads: ThreadActivity | None, loops: Loops | None, view: VcpuView | None) -> Claim:
    """Does QEMU's monitor not answer although the process lives?"""
    says = "QEMU's monitor does not answer: its main loop is blocked or stopped"
    stopped = _stopped(threads)
    if state.monitor is not Outcome.TIMED_OUT and threads and _whole(stopped, threads):
        return _stands(stopped, threads)
    times, looks = _times_stopped(threads) if threads else (0, 0)
    if threads and AGAIN_FROM <= times < looks and state.monitor is not Outcome.TIMED_OUT:
        return _comes_and_goes(times, looks, threads)
    if state.monitor is not Outcome.TIMED_OUT:
        fact = Point(f"the monitor: {state.monitor.value} {state.monitor_detail}".strip(), state.refs, 0.02)
        return Claim(says=says, prior=0.02, points=(fact,))
    busy = state.monitor_busy
    points = [Point(f"the monitor timed out: {state.monitor_detail}", state.refs, 3 if busy else 60)]
    if stopped and threads:
        says = f"QEMU's process is stopped, so its monitor does not answer: {_by_whom(stopped)}"
        letters = " and ".join(sorted({letter for thread in stopped for letter in thread.states if letter in "Tt"}))
        points.append(Point(f"{len(stopped)} of its threads are in state {letters}, stopped", threads.refs, 50))
    else:
        points += _it_lives(loops, view)
    return Claim(says=says, prior=0.02, points=tuple(points))


def _whole(stopped: list[ThreadUse], threads: ThreadActivity) -> bool:
    """Whether every thread of the process stood still at every look: a tracer's moment is not that long."""
    own = [t for t in threads.threads if t.role not in OF_THE_KERNEL]
    return bool(stopped) and all(t.states and set(t.states) <= {BY_SIGNAL, BY_TRACER} for t in own)


def _stands(stopped: list[ThreadUse], threads: ThreadActivity) -> Claim:
    """Where no monitor was asked, the threads' own state is proof enough."""
    letters = " and ".join(sorted({thread.states[-1] for thread in stopped}))
    says = f"QEMU's process is stopped, and the guest with it: {_by_whom(stopped)}"
    fact = f"all {count(len(stopped), 'thread')} of it were in state {letters}, stopped, whenever they were looked at"
    return Claim(says=says, prior=0.02, points=(Point(fact, threads.refs, 2000),))


def _times_stopped(threads: ThreadActivity) -> tuple[int, int]:
    """At how many looks every thread of the process was stopped by a signal, and how many there were; tracers' stops are none."""
    own = [thread.states for thread in threads.threads if thread.role not in OF_THE_KERNEL and thread.states]
    looks = max((len(states) for states in own), default=0)
    whole = [states for states in own if len(states) == looks]  # one that ended meanwhile was seen less often
    return sum(all(letter == BY_SIGNAL for letter in at_once) for at_once in zip(*whole, strict=True)), looks


def _comes_and_goes(times: int, looks: int, threads: ThreadActivity) -> Claim:
    """Stopped and let go again and again, as by a tool that limits a process's CPU so (cpulimit)."""
    fact = f"all threads of it were in state T, stopped, at {times} of {count(looks, 'look')}, and ran at others"
    says = "QEMU's process is stopped and let go again and again, and the guest with it: somebody sends it SIGSTOP and SIGCONT"
    return Claim(says=says, prior=0.02, points=(Point(fact, threads.refs, 2000),))


def _it_lives(loops: Loops | None, view: VcpuView | None) -> Iterator[Point]:
    """A host that is loaded makes an answer late, too: a main loop that comes round does not hang."""
    loop = loops.main if loops else None
    if loops and loop and loop.turns_per_s and loop.turns_per_s >= TURNS_FROM_PER_S:
        yield Point(f"but its main loop turned {rate(loop.turns_per_s)}", loops.refs, 0.1)
    if view and (answers := max((vcpu.samples for vcpu in view.vcpus), default=0)):
        yield Point(f"but it was asked for the registers {answers} times and answered", view.refs, 0.1)


def _stopped(threads: ThreadActivity | None) -> list[ThreadUse]:
    """Threads that stood still at the window's end; one that is traced for a moment at its beginning is none."""
    return [t for t in threads.threads if t.states and t.states[-1] in (BY_SIGNAL, BY_TRACER)] if threads else []


def _by_whom(stopped: list[ThreadUse]) -> str:
    if any(thread.states[-1] == BY_TRACER for thread in stopped):
        return "a debugger or tracer holds it"
    return "somebody sent it SIGSTOP (or left a debugger that did)"


CAUSE = Cause(
    slug="monitor-hung",
    family=Family.QEMU_BLOCKED,
    rank=Rank.SYMPTOM,
    judge=monitor_hung,
    absorbs=("guest-hung-io", "healthy-idle", "healthy-busy"),
)
