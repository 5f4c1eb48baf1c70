"""What a backtrace of one moment says (gdb, pstack), as points of causes: which of QEMU's functions a thread was in.

A moment is no rate: a function that is seldom entered and seen all the same was likely at work for long. Functions in which a healthy
QEMU waits (ppoll under main_loop_wait, ioctl under kvm_cpu_exec) say nothing and are not here.
"""

from collections.abc import Iterable, Iterator

from crazytrain.model.facts.stacks import UserStack, UserStacks
from crazytrain.model.finding import Point

# Cause: functions (a name that ends in * stands for all that begin so), and how much it speaks for it that a thread was there.
_FUNCTIONS: dict[str, tuple[tuple[str, ...], float]] = {
    "chardev-spin": (
        ("send_all", "qemu_chr_fe_write*", "qemu_chr_write*", "serial_xmit", "io_channel_send*", "tcp_chr_write", "pty_chr_*", "fd_chr_write"),
        20,
    ),
    "dead-client-spin": (("vnc_client_io*", "vnc_client_read", "tcp_chr_read", "tcp_chr_disconnect*", "gdb_chr_receive"), 4),
    "usernet-spin": (("slirp_*", "net_slirp*", "tcp_input", "sowrite", "soread", "sorecvfrom"), 8),
    "display-load": (("vnc_send_framebuffer_update*", "tight_*", "zrle_*", "jpeg_compress*", "dcc_compress*", "vnc_refresh*"), 8),
    "usb-polling": (("uhci_frame_timer", "uhci_process_frame", "ehci_frame_timer", "ehci_work_bh", "ohci_frame_boundary"), 10),
    "rtc-periodic-storm": (("rtc_periodic_timer", "periodic_timer_update", "cmos_ioport_*", "rtc_coalesced_timer*"), 8),
    "rtc-catchup": (("rtc_coalesced_timer*",), 20),
    "timer-always-due": (("timerlist_run_timers", "timerlist_expired", "qemu_run_timers", "qemu_clock_run_timers", "qemu_clock_run_all_timers"), 4),
    "pit-hpet-storm": (("pit_irq_timer*", "hpet_timer", "hpet_timer_*"), 8),
    "blocked-usb-host": (("usb_host_*", "libusb_*"), 4),
    "storage-stall": (
        ("rbd_*", "librbd::*", "librados::*", "glfs_*", "nfs_pread*", "nfs_pwrite*", "iscsi_*", "nbd_co_*", "nbd_client_connect*", "curl_*",
         "ssh_*"),
        5,
    ),
    "block-drain-deadlock": (("throttle_group_*", "aio_context_acquire", "bdrv_graph_*"), 15),
    "monitor-hung": (  # the main loop waits there for others: for vCPUs to stop, for old data to be let go, for a helper's answer
        ("pause_all_vcpus", "do_run_on_cpu", "run_on_cpu", "drain_call_rcu", "vhost_user_read", "vhost_user_write", "tpm_emulator_*",
         "qemu_chr_fe_read_all", "qio_channel_socket_connect_sync"),
        30,
    ),
    "postcopy-wait": (("postcopy_*", "loadvm_postcopy*", "pause_all_vcpus"), 5),
    "throttle-timer-spin": (("throttle_group_*", "throttle_timer*"), 4),
    "migration-running": (
        ("ram_save_*", "ram_find_and_save_block", "migration_iteration_run", "qemu_savevm_state_*", "buffer_is_zero*", "save_snapshot"),
        10,
    ),
    "fd-monitor-spin": (("fdmon_io_uring_*", "aio_free_deleted_handlers"), 4),
    "balloon-deflate": (("virtio_balloon_handle_output", "balloon_page", "balloon_*_page", "virtio_balloon_*flate*"), 15),
    "pio-poll": (("serial_ioport_read", "ide_status_read", "ide_ioport_read", "fdctrl_read*"), 4),
    "slow-clocksource": (("acpi_pm_tmr_read", "hpet_ram_read"), 5),
    # A debugger at QEMU's own gdb port shows the guest's functions.
    "guest-spinlock": (
        ("rep_nop", "mutex_spin*", "arch_spin_lock", "do_raw_spin_lock", "_raw_spin_lock*", "queued_spin_lock_slowpath",
         "native_queued_spin_lock_slowpath", "__pv_queued_spin_lock_slowpath", "ticket_spin_lock*", "spinlock_acquire*"),
        12,
    ),
}  # fmt: skip


_OF_WAITS = frozenset({"blocked-usb-host", "storage-stall", "postcopy-wait", "balloon-deflate", "monitor-hung"})
_OF_LOCKS = frozenset({"block-drain-deadlock"})
_LOCKS = ("__lll_lock_wait*", "__GI___lll_lock_wait", "futex_wait", "lll_mutex_lock*", "___pthread_mutex_lock", "__GI___pthread_mutex_lock",
          "pthread_mutex_lock", "qemu_mutex_lock_impl")  # fmt: skip
# A thread that waits for another one does no work, whatever it has in hand.
_OF_WORK = frozenset({"migration-running"})
_WAITS = ("qemu_sem_wait*", "qemu_cond_wait*", "qemu_event_wait*")
_INNERMOST = 5


def stack_points(cause: str, every: Iterable[UserStacks]) -> Iterator[Point]:
    """The first thread that is in one of the cause's functions; stacks of a look, which know when they were taken, are the causes' own."""
    if cause == "blocked-usb-host":
        yield from _in_usb_call(every := tuple(every))
    names, ratio = _FUNCTIONS.get(cause, ((), 1.0))
    for stack in (stack for stacks in every if not stacks.mono_ns for stack in stacks.stacks):
        idle = cause in _OF_WORK and _stands(stack, _WAITS)
        where = _where(stack, names) if _may_be(cause, _stands(stack, _LOCKS)) and not idle else ""
        if where:
            who = f"thread {stack.tid}" if stack.tid > 0 else "a thread"
            named = f"{who} ({stack.comm})" if stack.comm else who
            yield Point(f"{named} was in {where} when the backtrace was taken", stack.refs, ratio)
            return


def _in_usb_call(every: Iterable[UserStacks]) -> Iterator[Point]:
    """libusb asks the host's kernel by ioctl, and QEMU calls it with its lock held: such a call takes no time unless the device hangs."""
    for stack in (stack for stacks in every if not stacks.mono_ns for stack in stacks.stacks):
        inner = [frame.symbol for frame in stack.frames if frame.symbol][:_INNERMOST]
        if (
            inner
            and inner[0].strip("_").removeprefix("GI___") == "ioctl"
            and any(one.startswith("libusb_") for one in inner)
        ):
            yield Point("a thread was inside an ioctl of libusb, which QEMU makes with its lock held", stack.refs, 30)
            return


def _may_be(cause: str, locked: bool) -> bool:
    """Whether a thread that waits for a lock, or one that does not, can speak for a cause at all."""
    return locked if cause in _OF_LOCKS else not locked or cause in _OF_WAITS


def _stands(stack: UserStack, waits: tuple[str, ...]) -> bool:
    """Whether a thread waits for a lock, or for another thread: then it does not spin, whatever it does besides."""
    return any(frame.symbol and _fits(frame.symbol, name) for frame in stack.frames[:_INNERMOST] for name in waits)


def _where(stack: UserStack, names: tuple[str, ...]) -> str:
    symbols = (frame.symbol for frame in stack.frames if frame.symbol)
    return next((symbol for symbol in symbols if any(_fits(symbol, name) for name in names)), "")


def _fits(symbol: str, name: str) -> bool:
    begin, star, end = name.partition("*")
    return symbol.startswith(begin) and symbol.endswith(end) if star else symbol == name
