"""Facts now and before to facts between, pure. ``DERIVERS`` is the registry: each may use what those before it gave."""

from collections.abc import Callable

from crazytrain.derive.balloon import derive_balloon
from crazytrain.derive.bare import derive_bare
from crazytrain.derive.block import derive_block
from crazytrain.derive.cgroup import derive_cgroup
from crazytrain.derive.clock import derive_clock
from crazytrain.derive.descriptor_roles import derive_descriptor_roles
from crazytrain.derive.era import derive_era
from crazytrain.derive.eventfds import derive_eventfds
from crazytrain.derive.guest_words import derive_guest_words
from crazytrain.derive.host_cpu import derive_host_cpu
from crazytrain.derive.host_log import derive_host_log
from crazytrain.derive.inside import derive_inside
from crazytrain.derive.interrupts import derive_interrupts
from crazytrain.derive.kvm_stats import derive_kvm_stats
from crazytrain.derive.loops import derive_loops
from crazytrain.derive.memory import derive_faults, derive_memory
from crazytrain.derive.owners import derive_owned_exits, derive_owners
from crazytrain.derive.profile import derive_profile
from crazytrain.derive.qemu_state import derive_qemu_state
from crazytrain.derive.resets import derive_resets
from crazytrain.derive.storage import derive_storage
from crazytrain.derive.syscalls import derive_syscalls
from crazytrain.derive.threads import derive_threads
from crazytrain.derive.vcpus import derive_arm, derive_vcpus
from crazytrain.derive.virtqueues import derive_virtqueues
from crazytrain.derive.waits import derive_waits
from crazytrain.model.facts import Facts

DERIVERS: tuple[Callable[[Facts], object | None], ...] = (
    derive_syscalls,
    derive_threads,
    derive_descriptor_roles,
    derive_waits,
    derive_profile,
    derive_loops,
    derive_eventfds,
    derive_vcpus,
    derive_bare,
    derive_resets,
    derive_arm,
    derive_qemu_state,
    derive_owners,
    derive_owned_exits,
    derive_block,
    derive_balloon,
    derive_virtqueues,
    derive_interrupts,
    derive_kvm_stats,
    derive_clock,
    derive_guest_words,
    derive_inside,
    derive_era,
    derive_host_log,
    derive_storage,
    derive_host_cpu,
    derive_faults,
    derive_memory,
    derive_cgroup,
)
