"""Roles by name, as /proc has them and as top cuts them."""

import pytest

from crazytrain.model.facts.threads import ThreadRole
from crazytrain.model.thread_names import role_by_name


@pytest.mark.parametrize(
    ("comm", "role", "vcpu"),
    [
        ("CPU 0/KVM", ThreadRole.VCPU, 0),
        ("CPU 12/TCG", ThreadRole.VCPU, 12),
        ("CPU 12/K+", ThreadRole.VCPU, 12),
        ("ALL CPUs/TCG", ThreadRole.VCPU, None),
        ("IO mon_iothread", ThreadRole.IOTHREAD, None),
        ("IO mon_io+", ThreadRole.IOTHREAD, None),
        ("SPICE Worker", ThreadRole.SPICE, None),
        ("kvm-nx-lpage-re", ThreadRole.KVM_NX, None),
        ("vhost-4711", ThreadRole.VHOST, None),
        ("qemu-system-x86", ThreadRole.OTHER, None),
        ("IO CPU 0/KVM", ThreadRole.IOTHREAD, None),
        ("CPU usage", ThreadRole.OTHER, None),
        ("", ThreadRole.OTHER, None),
    ],
)
def test_roles(comm: str, role: ThreadRole, vcpu: int | None) -> None:
    assert role_by_name(comm) == (role, vcpu)
