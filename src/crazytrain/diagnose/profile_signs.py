"""What a printed profile (``perf report``, ``perf top``) says, as points of causes.

A profile holds shares of what ran, not how much ran: of an idle machine it says where its little work is. So its points are small, and
most ask for a share that no healthy guest has.
"""

import re
from collections.abc import Iterator, Sequence

import msgspec

from crazytrain.model.facts import Facts
from crazytrain.model.facts.profile_table import ProfileRow, ProfileTable
from crazytrain.model.figures import share
from crazytrain.model.finding import Point


class _Sign(msgspec.Struct, frozen=True):
    """Functions (a name that ends in * stands for all that begin so), where they are (``k`` a kernel, ``g`` a guest's kernel, ``.`` a
    program, ``u`` a guest's program), the share of all samples from which on they count, and how much they say then.
    """

    where: str
    names: tuple[str, ...]
    least_ratio: float
    ratio: float
    files: tuple[str, ...] = ()  # libraries all of whose functions count
    with_calls: bool = False  # what they called is their work, too: the largest share counts, for they call one another


_LOCKS = (
    "*queued_spin_lock_slowpath",
    "__pv_queued_spin_lock_slowpath",
    "_raw_spin_lock*",
    "__ticket_spin_lock",
    "kvm_wait",
    "pv_wait*",
)
_ANY_WORK = "*"  # but for locks and clocks, which have causes of their own
_NO_WORK = (*_LOCKS, "acpi_pm_read*", "read_hpet", "pvclock_*", "native_safe_halt", "default_idle*")
_POLLS = ("do_sys_poll", "do_poll*", "unix_poll", "tcp_poll", "sock_poll", "__pollwait", "pipe_poll", "eventfd_poll", "do_select", "datagram_poll",
          "n_tty_poll", "tty_poll")  # fmt: skip
# What KVM does for one reason to leave guest mode begins in one function: all that this calls is done for that reason.
_HANDLERS: dict[str, tuple[_Sign, ...]] = {
    "pause-contention": (_Sign("k", ("handle_pause", "pause_interception", "kvm_vcpu_on_spin"), 0.25, 8, with_calls=True),),
    "mmio-poll": (_Sign("k", ("handle_ept_misconfig", "vcpu_mmio_*"), 0.3, 3, with_calls=True),),
    "msr-storm": (_Sign("k", ("kvm_emulate_wrmsr", "kvm_emulate_rdmsr", "handle_wrmsr", "handle_rdmsr", "kvm_set_msr_common",
                              "handle_fastpath_set_msr_irqoff"), 0.3, 3, with_calls=True),),
    "pio-poll": (_Sign("k", ("handle_io", "kvm_fast_pio*", "io_interception"), 0.3, 3, with_calls=True),),
    "split-lock": (_Sign("k", ("handle_guest_split_lock", "split_lock_warn", "handle_bus_lock*"), 0.05, 8, with_calls=True),),
    "memory-pressure": (
        # Who asks for memory waits until others have given some, or until it lies in one piece.
        _Sign("k", ("try_to_free_pages", "__alloc_pages_direct_*", "do_try_to_free_pages", "try_to_compact_pages", "compact_zone",
                    "try_to_free_mem_cgroup_pages", "task_numa_work", "change_prot_numa", "ksm_do_scan", "ksm_scan_thread"),
              0.3, 15, with_calls=True),
    ),
}  # fmt: skip
_SIGNS: dict[str, tuple[_Sign, ...]] = {
    "halt-polling": (_Sign("k", ("kvm_vcpu_block", "kvm_vcpu_halt", "kvm_vcpu_check_block", "kvm_cpu_has_pending_timer", "kvm_arch_vcpu_runnable"),
                           0.15, 8),
                     _Sign("k", ("kvm_vcpu_block", "kvm_vcpu_halt", "kvm_vcpu_check_block", "kvm_arch_vcpu_runnable", "kvm_vcpu_running",
                                "kvm_cpu_has_interrupt", "kvm_cpu_has_pending_timer", "kvm_vcpu_has_events", "vmx_sync_pir_to_irr"), 0.25, 25)),
    "pause-contention": (_Sign("k", ("handle_pause", "pause_interception", "kvm_vcpu_on_spin", "kvm_vcpu_yield_to", "yield_to"), 0.1, 8),),
    "guest-spinlock": (_Sign("g", _LOCKS, 0.2, 8), _Sign("k", ("__pv_queued_spin_lock_slowpath", "pv_wait*", "kvm_wait"), 0.2, 3)),
    "memory-pressure": (
        _Sign("k", ("compact_zone", "isolate_migratepages*", "isolate_freepages*", "shrink_*", "khugepaged*", "ksm_*", "stable_tree_*",
                    "unstable_tree_*", "change_prot_numa", "change_p??_range", "change_protection*", "task_numa_*", "migrate_pages*",
                    "migrate_misplaced_*", "do_numa_page", "numa_migrate_*", "kvm_mmu_notifier_*", "kvm_unmap_*", "kvm_age_*",
                    "try_to_unmap*", "try_to_migrate*", "page_vma_mapped_walk", "rmap_walk*", "isolate_lru_*", "*_isolate_lru_*", "compact_*",
                    "fast_isolate_*", "deferred_split_*",
                    "get_ksm_page", "memcmp_pages", "cmp_and_merge_*", "clear_huge_page", "collapse_*", "__collapse_*",
                    "kswapd*", "lru_*", "page_referenced*", "folio_referenced*"), 0.15, 10),
        # To put memory in order is no work that takes a third of the time where there is enough of it.
        _Sign("k", ("compact_zone", "compact_*", "isolate_*", "fast_isolate_*", "shrink_*", "change_prot_numa", "change_p??_range", "ksm_*",
                    "cmp_and_merge_*", "memcmp_pages", "deferred_split_*", "pageblock_pfn_to_page", "migrate_pages*"), 0.3, 35),
    ),
    # A host that shuffles memory holds vCPUs back, and their watchdogs say that they are stuck.
    "guest-soft-lockup": (_Sign("k", ("change_prot_numa", "change_p??_range", "task_numa_*", "migrate_pages*", "compact_zone", "isolate_*",
                                      "shrink_*", "kvm_mmu_notifier_*", "ksm_*"), 0.25, 0.3),),
    "page-fault-loop": (_Sign("k", ("kvm_tdp_page_fault", "tdp_page_fault", "kvm_mmu_page_fault", "direct_page_fault", "kvm_tdp_mmu_map",
                                  "kvm_faultin_pfn*", "__direct_map", "kvm_mmu_do_page_fault", "handle_ept_violation", "npf_*"), 0.15, 4),),
    "pio-poll": (_Sign("k", ("kernel_pio", "kvm_fast_pio*", "emulator_pio_*", "handle_io", "complete_fast_pio_in"), 0.1, 3),),
    "mmio-poll": (_Sign("k", ("handle_ept_misconfig", "x86_emulate_insn", "vcpu_mmio_*", "emulator_read_write*"), 0.1, 3),),
    "msr-storm": (_Sign("k", ("kvm_set_msr*", "kvm_get_msr*", "kvm_emulate_wrmsr", "kvm_emulate_rdmsr", "kvm_hv_*msr*"), 0.1, 3),),
    "apic-timer-storm": (_Sign("k", ("start_apic_timer", "apic_timer_fn", "kvm_set_lapic_tscdeadline_msr", "start_hv_timer"), 0.1, 3),),
    "lapic-catchup": (_Sign("k", ("apic_timer_fn", "kvm_apic_*timer*", "hrtimer_forward"), 0.3, 3),),
    "split-lock": (_Sign("k", ("split_lock_*", "handle_guest_split_lock", "handle_bus_lock*"), 0.02, 8),),
    "vhost-busy": (_Sign("k", ("vhost_*", "handle_tx*", "handle_rx*", "vhost_worker"), 0.3, 30),),
    "slow-clocksource": (_Sign("g", ("acpi_pm_read*", "read_hpet"), 0.1, 15), _Sign(".", ("acpi_pm_tmr_*", "hpet_ram_read"), 0.03, 4)),
    "rtc-periodic-storm": (_Sign(".", ("rtc_periodic_timer", "periodic_timer_update", "cmos_ioport_*", "rtc_update_timer"), 0.02, 5),),
    "rtc-catchup": (_Sign(".", ("rtc_coalesced_timer*",), 0.01, 8),),
    "pit-hpet-storm": (_Sign(".", ("pit_irq_timer*", "hpet_timer*", "update_irq"), 0.03, 4),),
    "usb-polling": (_Sign(".", ("uhci_*", "ehci_*", "ohci_*", "xhci_*", "usb_handle_packet"), 0.05, 10),),
    "display-load": (
        _Sign(".", ("vnc_*", "tight_*", "zrle_*", "deflate*", "longest_match*", "jpeg_*", "jsimd_*", "spice_*", "red_*", "dcc_*", "pixman_*",
                    "qemu_pixman_*"), 0.2, 6, ("libspice-server", "libjpeg", "libturbojpeg")),
        _Sign(".", ("quic_*", "glz_*", "tight_*", "zrle_*", "vnc_*", "jpeg_*", "jsimd_*"), 0.3, 15, ("libspice-server", "libjpeg", "libturbojpeg")),
    ),
    "usernet-spin": (_Sign(".", ("slirp_*", "tcp_input", "tcp_output", "soread*", "sowrite*", "net_slirp*"), 0.1, 6, ("libslirp",)),),
    "timer-always-due": (_Sign(".", ("timerlist_run_timers", "qemu_clock_run_*timers", "timerlistgroup_*", "timer_mod_*"), 0.1, 4),),
    "fd-monitor-spin": (_Sign(".", ("fdmon_*", "aio_free_deleted_handlers", "aio_dispatch*"), 0.2, 4),),
    "iothread-spin": (_Sign(".", ("run_poll_handlers*", "virtio_queue_host_notifier_aio_poll", "aio_poll"), 0.2, 4),),
    # Hardly anything but waits for events: something is ready again and again, and nothing is done about it.
    "dead-client-spin": (_Sign("k", _POLLS, 0.15, 5),),
    "migration-running": (
        _Sign(".", ("ram_save_*", "buffer_is_zero*", "buffer_zero_*", "migration_*", "multifd_*", "xbzrle_*", "ram_find_and_save_block"), 0.15, 8),
    ),
    "software-emulation": (_Sign(".", ("helper_*", "tb_gen_code", "cpu_exec*", "tcg_*", "cpu_tb_exec", "tb_lookup*", "tb_htable_lookup"), 0.15, 8),),
    "guest-user-busy": (_Sign("u", ("*",), 0.6, 4),),
    "guest-kernel-busy": (_Sign("g", (_ANY_WORK,), 0.6, 10),),
}  # fmt: skip


# In a guest its kernel is "the kernel"; programs stay programs, for whether one of them is QEMU is told by its functions.
_INSIDE = {"k": "g"}
_RUNS_GUESTS = re.compile(
    r"qemu|kvm|^CPU \d|vhost|libvirt|^:\d|swapper|ksmd|^k\w*d\d?$|kworker|khugepaged|worker|IO ", re.IGNORECASE
)


def profile_points(cause: str, facts: Facts) -> Iterator[Point]:
    """The strongest thing that a profile says for a cause."""
    found = [
        Point(_says(sign, rows), table.refs, sign.ratio)
        for table in facts.all(ProfileTable)
        for sign in (*_SIGNS.get(cause, ()), *_HANDLERS.get(cause, ()))
        for rows in (_rows(table, sign),)
        if rows and _part(sign, rows) >= sign.least_ratio
    ]
    if found:
        yield max(found, key=lambda point: point.ratio)


def _part(sign: _Sign, rows: Sequence[ProfileRow]) -> float:
    return max(map(_whole, rows)) if sign.with_calls else sum(row.own_ratio for row in rows)


def _whole(row: ProfileRow) -> float:
    return row.with_calls_ratio or 0.0


def _rows(table: ProfileTable, sign: _Sign) -> Sequence[ProfileRow]:
    """The functions themselves, and locks that they took: what spins in a lock tells nothing but by its callers."""
    inside = _is_of_guest(table)
    here = (row for row in table.rows if (_INSIDE.get(row.where, row.where) if inside else row.where) == sign.where)
    named = (row if _names(sign, row.symbol) or _of_files(sign, row) else _called(sign, row) for row in here)
    return [row for row in named if row]


def _is_of_guest(table: ProfileTable) -> bool:
    """Whether a profile by command was made inside a guest: programs are named, and none that runs guests."""
    commands = {row.command for row in table.rows if row.command}
    if not commands and any(row.where == "." and row.file for row in table.rows):  # `perf top` names files alone
        commands = {row.file for row in table.rows if row.where == "."}
        return not any(_RUNS_GUESTS.search(name) for name in commands) and not any(
            _of_kvm(row.symbol) for row in table.rows
        )
    return bool(commands) and not any(_RUNS_GUESTS.search(name) for name in commands)


def _of_kvm(symbol: str) -> bool:
    return symbol.startswith(("kvm_", "vmx_", "svm_", "vcpu_", "vhost_"))


def _names(sign: _Sign, symbol: str) -> bool:
    if sign.names == (_ANY_WORK,) and sign.where == "g" and any(_fits(symbol, name) for name in _NO_WORK):
        return False
    return any(_fits(symbol, name) for name in sign.names)


def _of_files(sign: _Sign, row: ProfileRow) -> bool:
    return any(row.file.rpartition("/")[2].startswith(name) for name in sign.files)


def _called(sign: _Sign, row: ProfileRow) -> ProfileRow | None:
    """A lock's row as the part of it for which one of the functions called."""
    if not any(_fits(row.symbol, name) for name in _LOCKS):
        return None
    caller, part = max(((n, r) for n, r in row.callers if _names(sign, n)), key=lambda one: one[1], default=("", 0.0))
    return msgspec.structs.replace(row, symbol=caller, own_ratio=part) if caller else None


def _fits(symbol: str, name: str) -> bool:
    parts = name.split("*")
    return (
        symbol.startswith(parts[0])
        and symbol.endswith(parts[-1])
        and all(part in symbol for part in parts)
        and (len(parts) > 1 or symbol == name)
    )


def _says(sign: _Sign, rows: Sequence[ProfileRow]) -> str:
    top = max(rows, key=_whole if sign.with_calls else lambda row: row.own_ratio)
    whose = {"k": "a kernel's", "g": "the guest kernel's", "u": "the guest programs'"}.get(sign.where, "QEMU's")
    more = " and its like" if len(rows) > 1 else ""
    if sign.with_calls:
        return f"{share(_part(sign, rows))} of the profile's samples are in {whose} {top.symbol} and what it called"
    return f"{share(_part(sign, rows))} of the profile's samples are in {whose} {top.symbol}{more}"
