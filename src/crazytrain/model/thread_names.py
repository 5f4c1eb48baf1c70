"""What a thread's name says of its role: names that QEMU, its libraries and the kernel give (cut at 15 bytes)."""

import re

from crazytrain.model.facts.threads import ThreadRole

_VCPU = re.compile(r"CPU (\d{1,5})/\w*\+?")
_NAMES = (
    (re.compile(r"ALL CPUs/\w*\+?"), ThreadRole.VCPU),
    (re.compile(r"IO .+"), ThreadRole.IOTHREAD),
    (re.compile(r"worker"), ThreadRole.WORKER),
    (re.compile(r"call_rcu"), ThreadRole.RCU),
    (re.compile(r"vnc_wor(?:ker|\w*\+)"), ThreadRole.VNC),
    (re.compile(r"SPICE W(?:orker|\w*\+)"), ThreadRole.SPICE),
    (
        re.compile(r"(?:live_)?migration|mig/.*|multifd.*|bg_snapshot|dump_thread|return path|postcopy/.*|COLO .*"),
        ThreadRole.MIGRATION,
    ),
    (re.compile(r"vhost-\d+"), ThreadRole.VHOST),
    (re.compile(r"kvm-pit/\d+"), ThreadRole.KVM_PIT),
    (re.compile(r"kvm-nx-(?:lp|huge).*"), ThreadRole.KVM_NX),
    (re.compile(r"iou-(?:wrk|sqp)-.*"), ThreadRole.IO_URING),
)


def role_by_name(comm: str) -> tuple[ThreadRole, int | None]:
    """The role that a name says, and which vCPU; ``OTHER`` where it says none.

    A ``+`` at the end is what top puts where it cut a name. A name alone does not tell a thread of the kernel from one
    of the process: where that matters, who made the thread decides.
    """
    vcpu = _VCPU.fullmatch(comm)
    if vcpu:
        return ThreadRole.VCPU, int(vcpu[1])
    return next((role for name, role in _NAMES if name.fullmatch(comm)), ThreadRole.OTHER), None
