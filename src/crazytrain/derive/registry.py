"""Facts now and before to facts between, pure. ``DERIVERS`` is the registry: each may use what those before it gave."""

from collections.abc import Callable

from crazytrain.derive.backtrace_roles import derive_backtrace_roles
from crazytrain.derive.balloon import derive_balloon
from crazytrain.derive.bare import derive_bare
from crazytrain.derive.block import derive_block
from crazytrain.derive.cgroup import derive_cgroup
from crazytrain.derive.clock import derive_clock
from crazytrain.derive.clock_fit import derive_clock_fit
from crazytrain.derive.clock_state import derive_clock_state
from crazytrain.derive.configs import derive_configs
from crazytrain.derive.descriptor_roles import derive_descriptor_roles
from crazytrain.derive.era import derive_era
from crazytrain.derive.eventfds import derive_eventfds
from crazytrain.derive.guest_words import derive_guest_words
from crazytrain.derive.held import derive_held_exits
from crazytrain.derive.host_cpu import derive_host_cpu
from crazytrain.derive.host_log import derive_host_log
from crazytrain.derive.inside import derive_inside
from crazytrain.derive.interrupts import derive_interrupts
from crazytrain.derive.kvm_stats import derive_kvm_stats
from crazytrain.derive.leases import derive_guest_leases
from crazytrain.derive.log_floods import derive_log_floods
from crazytrain.derive.loops import derive_loops
from crazytrain.derive.memory import derive_faults, derive_memory
from crazytrain.derive.owners import derive_owned_exits, derive_owners
from crazytrain.derive.pasted import derive_best_exits, derive_console_log, derive_kernel_log, derive_wait_instant
from crazytrain.derive.profile import derive_profile
from crazytrain.derive.qemu_logs import derive_qemu_logs
from crazytrain.derive.qemu_state import derive_qemu_state
from crazytrain.derive.resets import derive_resets
from crazytrain.derive.seen_roles import derive_seen_roles
from crazytrain.derive.snapshot_pairs import derive_cpu_ticks, derive_snapshot_pairs
from crazytrain.derive.snapshots import PASTED_DERIVERS
from crazytrain.derive.storage import derive_storage
from crazytrain.derive.syscalls import derive_syscalls
from crazytrain.derive.telling import derive_telling
from crazytrain.derive.threads import derive_threads
from crazytrain.derive.vcpus import derive_arm, derive_vcpus
from crazytrain.derive.versions import derive_versions
from crazytrain.derive.virtqueues import derive_virtqueues
from crazytrain.derive.waits import derive_waits
from crazytrain.model.facts import Facts

DERIVERS: tuple[Callable[[Facts], object | None], ...] = (
    derive_configs,
    derive_qemu_logs,
    derive_syscalls,
    derive_threads,
    *PASTED_DERIVERS,
    derive_snapshot_pairs,
    derive_cpu_ticks,
    derive_telling,
    derive_versions,
    derive_backtrace_roles,
    derive_descriptor_roles,
    derive_wait_instant,
    derive_waits,
    derive_profile,
    derive_seen_roles,
    derive_loops,
    derive_eventfds,
    derive_vcpus,
    derive_bare,
    derive_resets,
    derive_arm,
    derive_qemu_state,
    derive_best_exits,
    derive_owners,
    derive_owned_exits,
    derive_held_exits,
    derive_block,
    derive_balloon,
    derive_virtqueues,
    derive_interrupts,
    derive_kvm_stats,
    derive_clock,
    derive_console_log,
    derive_guest_leases,  # before the floods: they name the network
    derive_log_floods,
    derive_guest_words,
    derive_inside,
    derive_era,
    derive_kernel_log,
    derive_host_log,
    derive_storage,
    derive_host_cpu,
    derive_faults,
    derive_memory,
    derive_cgroup,
    derive_clock_state,
    derive_clock_fit,
)
