"""Signs from inside the guest, for causes of several families: what its own kernel keeps in its RAM.

The guest wrote all of it. It is believed as far as a guest that is sick, and not hostile, would be; its names are told as its own.
"""

from crazytrain.model.facts.guest_inside import GuestInside
from crazytrain.model.facts.inside_view import Clock, FunctionShare, Pace, StuckTask, TimeProgress
from crazytrain.model.figures import count, share
from crazytrain.model.finding import Point

_MATTERS_FROM = 0.5  # of the looks: who is there that often is who burns
_SHOWN = 3
# Where Linux idles without HLT: idle=poll, cpuidle's poll state (haltpoll), and MWAIT, which keeps the vCPU in guest mode.
_IDLE_LOOPS = ("cpu_idle_poll", "poll_idle", "mwait_idle", "intel_idle", "acpi_processor_ffh_cstate_enter")
_SERIAL_WAITS = ("wait_for_lsr", "wait_for_xmitr", "serial8250_console_", "univ8250_console_")
DELAYS = ("delay_tsc", "delay_loop", "delay_halt", "__const_udelay", "__udelay", "__delay")
_BETWEEN_SERIAL_WAITS = ("io_serial_", *DELAYS, "touch_nmi_watchdog", "arch_touch_nmi_watchdog")
LOCK_PATHS = ("queued_spin_lock_slowpath", "queued_write_lock_slowpath", "queued_read_lock_slowpath")
_IO_FRAMES = (
    "io_schedule",
    "blk_",
    "submit_bio",
    "wait_on_page",
    "folio_wait",
    "__wait_on_buffer",
    "nfs",
    "rpc_",
    "jbd2_",
    "xfs_",
    "btrfs_",
    "ext4_",
    "bit_wait_io",
    "scsi_",
    "virtblk",
    "mnt_want_write",  # a frozen file system
    "sb_start_write",
    "balance_dirty_pages",
    "writeback_",
    "wb_wait",
    "fuse_",
    "request_wait_answer",  # of FUSE
    "cifs_",
    "ceph_",
    "p9_client",
    "walk_component",  # a directory that somebody who hangs has locked
    "lookup_slow",
    "iterate_dir",
    "vfs_",
    "do_unlinkat",
)


def task_points(inside: GuestInside | None) -> tuple[Point, ...]:
    """Which program it is, as a point for causes that say that a program computes. Who it is decides little; that nobody is, much."""
    task = inside.busiest if inside else None
    if inside is None or task is None or task.seen is None:
        return ()
    says = f"inside the guest, thread {task.pid} ({task.comm}) was on a CPU in {share(task.seen.ratio)} of {count(task.seen.samples, 'look')}"
    ratio = 1.5 if task.seen.ratio * max(1, len(inside.view.cpus)) >= _MATTERS_FROM else 0.2
    return (Point(says, inside.refs, 0.3 if task.kernel_thread else ratio),)


def function_points(inside: GuestInside | None) -> tuple[Point, ...]:
    """Where in its kernel the guest is, as a point for causes that say that the kernel works. The name decides nothing by itself."""
    hot = inside.kernel_functions[:_SHOWN] if inside else ()
    if inside is None or not hot:
        return ()
    said = ", ".join(f"{one.name} {share(one.share.ratio)}" for one in hot)
    says = f"its hottest kernel functions, of {count(hot[0].share.samples, 'sample')}: {said}"
    return (Point(says, inside.refs, 1.2),)


def idle_function_points(inside: GuestInside | None) -> tuple[Point, ...]:
    """Whether a guest whose vCPUs were awake was idle all the same: they were in their kernel's idle loop.

    Halted ones are not counted here: this is of vCPUs that run instructions. An interrupt that comes while a CPU idles has other functions.
    """
    idle = [one for one in inside.kernel_functions if one.name.startswith(_IDLE_LOOPS)] if inside else []
    if inside is None or sum(one.share.low for one in idle) < _MATTERS_FROM:
        return ()
    part, samples = sum(one.share.ratio for one in idle), idle[0].share.samples
    says = f"in {share(part)} of {count(samples, 'look')} at its vCPUs they were awake, and in their kernel's idle loop ({idle[0].name})"
    return (Point(says, inside.refs, 400),)


def serial_wait_points(inside: GuestInside | None) -> tuple[Point, ...]:
    """Whether the guest's kernel waits for a serial port that takes no more: it prints, and asks between delays whether it may go on.

    It does so with interrupts off, up to 10 ms for each character (linux/drivers/tty/serial/8250/8250_port.c): a guest whose
    console nobody reads may stand for minutes.
    """
    hot = inside.kernel_functions if inside else ()
    waits = [one for one in hot if one.name.startswith(_SERIAL_WAITS)]
    beside = [one for one in hot if one.name.startswith(_BETWEEN_SERIAL_WAITS)]
    if inside is None or not waits or sum(one.share.ratio for one in (*waits, *beside)) < _MATTERS_FROM:
        return ()
    names = ", ".join(one.name for one in (*waits, *beside)[:_SHOWN])
    says = f"the guest's kernel waits for its serial port, which takes no more of what it prints ({names})"
    return (Point(says, inside.refs, 60),)


def panicked_points(inside: GuestInside | None) -> tuple[Point, ...]:
    """Whether the guest's kernel says of itself that it has panicked, as a point for causes that say it has."""
    if inside is None or inside.last.panicked is None:
        return ()
    if not inside.last.panicked:
        return (Point("the guest's kernel has not panicked: its own mark says so", inside.refs, 0.02),)
    return (Point("the guest's kernel is marked as panicked in its own memory", inside.refs, 300),)


def has_panicked(inside: GuestInside | None) -> bool:
    """Whether the guest's kernel says that it has panicked."""
    return inside is not None and inside.last.panicked is True


def lock_function(inside: GuestInside) -> FunctionShare | None:
    """The path on which a CPU spins for a lock, where the vCPUs were seen on one; the hottest."""
    paths = [one for one in inside.kernel_functions if any(path in one.name for path in LOCK_PATHS)]
    return max(paths, key=lambda one: one.share.ratio, default=None)


def stuck_tasks(inside: GuestInside) -> tuple[StuckTask, ...]:
    """Tasks that slept in D state from the first reading to the last, and not for a mere moment: they never ran between."""
    return tuple(task for task in inside.view.stuck if task.all_window)


def waits_for_io(task: StuckTask) -> bool:
    """Whether a task's stack says that it waits for a disk or a file system."""
    return any(frame.name.startswith(_IO_FRAMES) for frame in task.stack)


def ticks(inside: GuestInside | None) -> TimeProgress | None:
    """How the guest's ticks went over the window; ``None`` where that was not read, or is too short to tell."""
    jiffies = inside.view.clock(Clock.JIFFIES) if inside else None
    return None if jiffies is None or jiffies.pace is Pace.TOO_SHORT else jiffies


def time_alarm(inside: GuestInside | None) -> Point | None:
    """Whether time goes on inside the guest, as a point for causes that say the guest is well."""
    jiffies = ticks(inside)
    if inside is None or jiffies is None:
        return None
    if jiffies.pace in (Pace.STANDS, Pace.BACK):
        return Point(f"the guest's own time does not go on: its count of ticks {jiffies.pace.value}", inside.refs, 0.02)
    return Point("time goes on inside the guest", inside.refs, 1.5) if jiffies.pace is Pace.MOVES else None


def stuck_alarm(inside: GuestInside | None) -> Point | None:
    """Whether tasks of the guest hang, as a point for causes that say the guest is well."""
    stuck = stuck_tasks(inside) if inside else ()
    if inside is None or not stuck:
        return None
    says = f"inside the guest {count(len(stuck), 'task')} hung in D state all the time"
    if not any(task.stack for task in stuck):  # as in a case that was packed for others
        return Point(f"{says}; their stacks are not known", inside.refs, 0.1)
    return Point(says, inside.refs, 0.05) if any(waits_for_io(task) for task in stuck) else None
