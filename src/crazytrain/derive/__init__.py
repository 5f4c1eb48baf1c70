"""Facts now and before to facts between, pure. ``DERIVERS`` is the registry: each may use what those before it gave."""

from collections.abc import Callable

from crazytrain.derive.clock import derive_clock
from crazytrain.derive.descriptor_roles import derive_descriptor_roles
from crazytrain.derive.era import derive_era
from crazytrain.derive.interrupts import derive_interrupts
from crazytrain.derive.kvm_stats import derive_kvm_stats
from crazytrain.derive.loops import derive_loops
from crazytrain.derive.syscalls import derive_syscalls
from crazytrain.derive.threads import derive_threads
from crazytrain.derive.vcpus import derive_vcpus
from crazytrain.model.facts import Facts

DERIVERS: tuple[Callable[[Facts], object | None], ...] = (
    derive_syscalls,
    derive_threads,
    derive_descriptor_roles,
    derive_loops,
    derive_vcpus,
    derive_interrupts,
    derive_kvm_stats,
    derive_clock,
    derive_era,
)
