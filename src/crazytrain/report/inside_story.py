"""The guest from inside, in the story of a look: its kernel, its time, who runs, where, what hangs; and where it contradicts the outside."""

from collections.abc import Iterator

from crazytrain.model.facts import Facts, ThreadActivity, ThreadRole
from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.inside import GuestKernel, InsideReading, LockWait
from crazytrain.model.facts.inside_view import Clock, CpuShare, Pace, TaskShare
from crazytrain.model.figures import count, rate, share, span
from crazytrain.model.report import StoryLine
from crazytrain.report.inside_rates import NOTABLE_TIMER_PER_S
from crazytrain.report.sentence import line

_SHOWN_TASKS, _SHOWN_FUNCTIONS, _SHOWN_STUCK, _SHOWN_FRAMES = 3, 5, 4, 8
_BUSY_FROM, _IDLE_TO = 0.8, 0.3
_NOTABLE_SHARE = 0.01
_AT_EASE = (Pace.MOVES, Pace.ASLEEP, Pace.TOO_SHORT)


def inside_story(facts: Facts) -> tuple[StoryLine, ...]:
    """Sentences about the guest's own kernel; one that says why where it could not be read."""
    inside = facts.get(GuestInside)
    if inside is None:
        return tuple(_not_read(facts))
    return (*_kernel(inside), *_time(inside), *_work(inside), *_trouble(inside), *_contradiction(facts, inside))


def _not_read(facts: Facts) -> Iterator[StoryLine]:
    reading = facts.get(InsideReading)
    for missing in reading.missing[:1] if reading else ():
        yield line(f"the guest's own kernel could not be read: {missing.why}", reading.refs if reading else ())


def _kernel(inside: GuestInside) -> Iterator[StoryLine]:
    kernel: GuestKernel | None = inside.last.kernel
    if kernel:
        up = f", up for {span(inside.view.uptime_ns)}" if inside.view.uptime_ns else ""
        again = "; it was started anew during the look" if inside.view.rebooted else ""
        yield line(
            f"the guest runs {kernel.system} {kernel.release}{up}{again} (found by {kernel.found_by.value})",
            inside.refs[:1],
        )


def _time(inside: GuestInside) -> Iterator[StoryLine]:
    clock = inside.clock
    if clock and clock.clocksource:
        others = f" (it could use {', '.join(clock.available)})" if clock.available else ""
        yield line(f"inside the guest: it keeps time by {clock.clocksource}{others}", inside.refs[-1:])
    for one in inside.view.time:
        if one.pace not in _AT_EASE and one.clock is not Clock.CYCLES:
            yield line(f"inside the guest: its {one.clock.value} clock {one.pace.value}", inside.refs)


def _work(inside: GuestInside) -> Iterator[StoryLine]:
    shown = [task for task in inside.view.tasks[:_SHOWN_TASKS] if _share_of(task) >= _NOTABLE_SHARE and task.pid]
    for task in shown:
        yield line(
            f"inside the guest: thread {task.pid} ({task.comm}) ran {share(_share_of(task))} of the time", inside.refs
        )
    yield from _memory(inside)
    yield from _timers(inside)
    hot = inside.kernel_functions[:_SHOWN_FUNCTIONS]
    if hot:
        said = ", ".join(f"{one.name} {share(one.share.ratio)}" for one in hot)
        yield line(
            f"inside the guest: its hottest kernel functions, of {count(hot[0].share.samples, 'sample')}: {said}",
            inside.refs,
        )


def _memory(inside: GuestInside) -> Iterator[StoryLine]:
    """Whether its own memory is short: swapping at any rate, programs that were killed."""
    rates = inside.view.memory
    if rates and (rates.swapped_in_per_s or rates.swapped_out_per_s):
        into, out = rate(rates.swapped_in_per_s), rate(rates.swapped_out_per_s)
        yield line(f"inside the guest: its kernel read {into} pages from its swap and wrote {out} to it", inside.refs)
    if rates and rates.oom_kills:
        killed = count(rates.oom_kills, "program")
        yield line(f"inside the guest: its kernel killed {killed} meanwhile, for want of memory", inside.refs)


def _timers(inside: GuestInside) -> Iterator[StoryLine]:
    """CPUs whose own timer rings faster than any tick."""
    fast = [cpu for cpu in inside.view.cpus if (cpu.timer_irqs_per_s or 0.0) >= NOTABLE_TIMER_PER_S]
    for cpu in fast[:_SHOWN_TASKS]:
        often = rate(cpu.timer_irqs_per_s or 0.0)
        yield line(f"inside the guest: its CPU {cpu.cpu} took {often} interrupts of its own timer", inside.refs)


def _share_of(task: TaskShare) -> float:
    return task.seen.ratio if task.seen else task.cpu_ratio or 0.0


def _trouble(inside: GuestInside) -> Iterator[StoryLine]:
    if inside.last.panicked:
        yield line("inside the guest: its kernel has panicked", inside.refs)
    for task in [one for one in inside.view.stuck if one.all_window][:_SHOWN_STUCK]:
        frames = " < ".join(frame.name or "?" for frame in task.stack[:_SHOWN_FRAMES])
        yield line(
            f"inside the guest: thread {task.pid} ({task.comm}) hung in D state all the time: {frames}", inside.refs
        )
    for held in inside.view.locks[:_SHOWN_STUCK]:
        wait = held.wait
        who = f"thread {wait.pid} ({wait.comm})" if wait.pid is not None else f"CPU {wait.cpu}"
        holder = (
            f"thread {wait.holder_pid} ({wait.holder_comm})"
            if wait.holder_pid is not None
            else f"not known: {wait.holder_why}"
        )
        yield line(
            f"inside the guest: {who} waits for the {wait.kind} {_which(wait)}; its holder is {holder}",
            inside.refs,
        )


def _which(wait: LockWait) -> str:
    return wait.lock_name or (hex(wait.lock) if wait.lock else "(where it lies is not known)")


def _contradiction(facts: Facts, inside: GuestInside) -> Iterator[StoryLine]:
    """Where the guest's own account of its CPUs and the host's of their threads differ: often that is the finding."""
    threads = facts.get(ThreadActivity)
    if threads is None or not threads.window_ns or inside.view.rebooted:
        return
    by_cpu = {one.cpu: one for one in inside.view.cpus}
    for thread in threads.of(ThreadRole.VCPU):
        cpu = by_cpu.get(thread.vcpu) if thread.vcpu is not None else None
        says = _differs(cpu, thread.cpu_ratio, counts=_counts_on(inside)) if cpu and cpu.busy is not None else ""
        if says:
            yield line(f"inside and outside disagree: {says}", (*inside.refs, *threads.refs))


def _differs(cpu: CpuShare, outside: float, *, counts: bool) -> str:
    busy, worked = cpu.busy or 0.0, (cpu.busy or 0.0) - (cpu.steal or 0.0)
    if counts and outside >= _BUSY_FROM and busy <= _IDLE_TO:
        return (
            f"the guest says that its CPU {cpu.cpu} worked {share(busy)} of the time, but its thread took {share(outside)} "
            "of a CPU on the host: the time goes into what KVM or QEMU do for it, or the guest no longer counts"
        )
    if outside <= _IDLE_TO and worked >= _BUSY_FROM:
        return (
            f"the guest says that its CPU {cpu.cpu} worked {share(worked)} of the time, but its thread got only "
            f"{share(outside)} of a CPU: the host holds it back, and the guest takes the wait for work"
        )
    return ""


def _counts_on(inside: GuestInside) -> bool:
    ticks = inside.view.clock(Clock.JIFFIES)
    return ticks is not None and ticks.pace not in (Pace.STANDS, Pace.BACK)
