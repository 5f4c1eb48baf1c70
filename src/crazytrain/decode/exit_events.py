"""What tables and traces of KVM's events have in common: the events that were not asked for, and who owns a port."""

from crazytrain.model.facts.kvm import PortUse
from crazytrain.model.ports import port_owner

ANY_REASON = "any reason"  # of exits that were counted without it
EVENTS = (
    "kvm_exit",
    "kvm_userspace_exit",
    "kvm_pio",
    "kvm_mmio",
    "kvm_msr",
    "kvm_page_fault",
    "kvm_inj_virq",
    "kvm_hypercall",
    "kvm_set_irq",
    "kvm_msi_set_irq",
    "kvm_apic_accept_irq",
    "kvm_halt_poll_ns",
    "kvm_vcpu_wakeup",
)


def unseen_but(*seen: str) -> tuple[str, ...]:
    """The events that a table or a trace does not show at all, as ``KvmExits.left_out`` names them.

    That it does not show them says nothing of whether they happened.
    """
    return tuple(f"kvm:{event}" for event in EVENTS if event not in seen)


def owned_port(port: int, count: int, *, write: bool) -> PortUse:
    """Accesses to a port, with its owner."""
    owner, known_by = port_owner(port)
    return PortUse(port=port, write=write, count=count, owner=owner, owner_known_by=known_by)
