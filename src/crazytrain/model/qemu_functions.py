"""What it means that a thread is in one of QEMU's functions: a sentence about the thread, for people.

Names that QEMU exports to its modules are in every build; the others are seen where debug information is installed. A name that
ends in ``*`` stands for all that begin so. The order is from what says most to what says least.
"""

from collections.abc import Collection, Sequence

from crazytrain.model.facts.threads import ThreadRole

# Functions and the sentence; "it" is the thread.
MEANINGS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("qemu_mutex_lock_iothread*", "bql_lock*"), "it wants QEMU's big lock"),
    (
        ("bdrv_drain*", "bdrv_do_drained_begin*", "blk_drain*", "bdrv_subtree_drained_begin", "bdrv_set_aio_context*"),
        "it waits until all I/O of a block device has ended (drain)",
    ),
    (
        ("bdrv_close*", "nbd_client_close", "nbd_teardown_connection", "blk_remove_bs"),
        "it closes a disk and waits until its I/O has ended",
    ),
    (("bdrv_aio_cancel", "blk_aio_cancel"), "it cancels a request to a disk, and waits until that has ended"),
    (("job_finish_sync*", "job_cancel_sync*", "job_completed_txn_abort"), "it waits until a block job has ended"),
    (("bdrv_flush*", "blk_flush*", "handle_aiocb_flush"), "it waits until the storage has what was written (flush)"),
    (("handle_aiocb_*",), "it does disk I/O for the guest, in a worker of its own"),
    (("qcow2_*", "raw_co_*", "bdrv_co_*", "bdrv_pread", "bdrv_pwrite*", "blk_pread", "blk_pwrite"), "it does disk I/O"),
    (("bdrv_open*", "bdrv_create*", "blk_new_open", "bdrv_reopen*"), "it opens a disk image"),
    (
        ("bdrv_get_info", "bdrv_getlength", "bdrv_block_status*", "bdrv_get_allocated_file_size"),
        "it asks the storage about an image",
    ),
    (("postcopy_ram_fault_thread",), "it fetches pages that the guest has asked for during a postcopy migration"),
    (("postcopy_*", "loadvm_postcopy*"), "it takes part in a postcopy migration"),
    (("qemu_loadvm_state*", "process_incoming_migration*"), "it receives a migration"),
    (
        ("qemu_savevm_state*", "save_snapshot", "migration_thread", "ram_save_*"),
        "it saves the guest's state (migration or snapshot)",
    ),
    (("usb_host_*", "libusb_*"), "it talks to a USB device that is passed through"),
    (("vhost_user_*",), "it waits for the process behind a vhost-user device"),
    (("vfio_*",), "it deals with a device that is passed through (VFIO)"),
    (
        ("qemu_chr_fe_write*", "qemu_chr_write*"),
        "it writes to a character device, and waits until the other end takes it",
    ),
    (("tpm_emulator_*",), "it waits for the TPM emulator"),
    (("rbd_*", "nbd_*", "curl_*", "iscsi_*", "glfs_*", "nfs_*"), "it deals with a disk on the network"),
    (("pause_all_vcpus", "vm_stop*", "do_vm_stop"), "it stops the guest and waits until every vCPU has stopped"),
    (("synchronize_rcu", "drain_call_rcu"), "it waits until no thread uses old data any more (RCU)"),
    (("run_on_cpu", "do_run_on_cpu"), "it waits until a vCPU has done something for it"),
    (("qemu_wait_io_event*",), "the vCPU is halted or stopped, and waits to be woken"),
    (("kvm_cpu_exec",), "the guest runs in KVM"),
    (("qemu_event_wait",), "it waits for another thread to give it work"),
    (("aio_poll",), "it waits for disk I/O or a handler, and does nothing else meanwhile (aio_poll)"),
    (("main_loop_wait", "os_host_main_loop_wait"), "the main loop waits for events"),
    (("qemu_sem_timedwait", "qemu_cond_timedwait_impl", "worker_thread"), "it waits for work"),
    (("g_main_loop_run",), "it waits for events"),
)
GENERATED = "[generated code]"  # the guest's own code as TCG has translated it: only vCPU threads run it
# Functions that only threads of one role are in.
_ROLES = (
    (
        ThreadRole.MAIN_LOOP,
        {
            "main_loop_wait",
            "qemu_main_loop",
            "main_loop",
            "qemu_default_main",
            "glib_pollfds_poll",
            "do_qmp_dispatch_bh",
            "job_exit",
            "job_completed",
            "job_finalize",
            "vm_shutdown",
            "qemu_cleanup",
            "qemu_iohandler_poll",
            "handle_user_command",
            "handle_hmp_command",
            "monitor_command_cb",
            "monitor_read",
            "monitor_control_read",
            "do_savevm",
            "do_loadvm",
        },
    ),
    (
        ThreadRole.VCPU,
        {
            GENERATED,
            "kvm_cpu_exec",
            "kvm_vcpu_thread_fn",
            "qemu_kvm_cpu_thread_fn",
            "qemu_tcg_cpu_thread_fn",
            "mttcg_cpu_thread_fn",
            "rr_cpu_thread_fn",
            "qemu_tcg_rr_cpu_thread_fn",
            "qemu_wait_io_event",
            "cpu_exec",
            "tcg_cpus_exec",
            "kvm_vcpu_ioctl",
        },
    ),
    (ThreadRole.RCU, {"synchronize_rcu", "call_rcu_thread"}),
    (ThreadRole.IOTHREAD, {"iothread_run"}),
    (ThreadRole.WORKER, {"handle_aiocb_rw", "handle_aiocb_flush", "worker_thread"}),
    (
        ThreadRole.MIGRATION,
        {"migration_thread", "multifd_send_thread", "multifd_recv_thread", "postcopy_ram_fault_thread"},
    ),
    (ThreadRole.VNC, {"vnc_worker_thread"}),
    (ThreadRole.SPICE, {"red_worker_main"}),
)
# A monitor's command that is being carried out, by its function; those that only pass commands on are none.
_COMMANDS = ("qmp_", "hmp_")
_NO_COMMANDS = ("qmp_dispatch*", "qmp_marshal_*", "hmp_handle_error", "qmp_human_monitor_command", "qmp_respond*")


def meaning_of(functions: Sequence[str]) -> str:
    """Say what a stack means, the innermost function first; empty where none of its functions is known.

    >>> meaning_of(("ppoll", "qemu_poll_ns", "aio_poll", "bdrv_drained_begin", "qmp_blockdev_del", "main"))
    'it waits until all I/O of a block device has ended (drain); it carries out the command blockdev-del'
    """
    said = next((words for names, words in MEANINGS if any(fits(f, n) for f in functions for n in names)), "")
    command = command_of(functions)
    told = f"it carries out the command {command}" if command else ""
    # What is told of a loop is told of everything that runs in it: a command says more.
    return told if command and said.startswith("the main loop") else "; ".join(filter(None, (said, told)))


def role_by_functions(functions: Collection[str]) -> ThreadRole | None:
    """What a thread is for, by the functions that it is in; ``None`` where they do not tell.

    A stack may be cut off below. The monitor's commands are carried out by the main loop, whatever stands there of it.
    """
    role = next((role for role, names in _ROLES if not names.isdisjoint(functions)), None)
    return role or (ThreadRole.MAIN_LOOP if command_of(tuple(functions)) else None)


# What QEMU does under its big lock: all of its main loop but the wait for events, and all that a vCPU's thread does for the
# guest's devices. What lets go of the lock while it waits for other threads is none of it (softmmu/cpus.c).
_LETS_GO = (
    "qemu_mutex_lock_iothread*",
    "bql_lock*",
    "qemu_cond_wait*",
    "pause_all_vcpus",
    "do_run_on_cpu",
    "synchronize_rcu",
)
_DEVICE_CODE = (
    "memory_region_dispatch_*",
    "memory_region_write_accessor",
    "memory_region_read_accessor",
    "memory_region_read_with_attrs_accessor",
    "kvm_handle_io",  # up to 2.3 all of it; since then what is below it, but for the wait for the lock
)
_EVENT_WAITS = ("os_host_main_loop_wait", "glib_pollfds_poll", "qemu_poll_ns")


def holds_big_lock(functions: Sequence[str]) -> bool:
    """Whether a thread does what QEMU does under its big lock only; the innermost function first.

    >>> holds_big_lock(("ppoll", "qemu_poll_ns", "os_host_main_loop_wait", "main_loop_wait", "main"))
    False
    >>> holds_big_lock(("ppoll", "qemu_poll_ns", "aio_poll", "bdrv_drained_begin", "main_loop_wait", "main"))
    True
    """
    if any(fits(function, name) for function in functions for name in _LETS_GO):
        return False
    if any(fits(function, name) for function in functions for name in _DEVICE_CODE):
        return True
    if "main_loop_wait" not in functions:
        return False
    inner = [f for f in functions[: list(functions).index("main_loop_wait")] if f and f not in _EVENT_WAITS]
    return any(not _is_library(function) for function in inner)


def _is_library(function: str) -> bool:
    return function.lstrip("_").startswith(
        ("ppoll", "poll", "g_main", "g_poll", "GI_", "syscall_cancel", "internal_syscall")
    )


def command_of(functions: Sequence[str]) -> str:
    """The monitor's command that is being carried out, the innermost of them; empty where there is none."""
    for function in functions:
        if function.startswith(_COMMANDS) and not any(fits(function, name) for name in _NO_COMMANDS):
            return function[len("qmp_") :].replace("_", "-")
    return ""


def fits(function: str, name: str) -> bool:
    """Whether a function is the named one; a name that ends in ``*`` is a beginning."""
    return function.startswith(name[:-1]) if name.endswith("*") else function == name
