"""Whose log it is: the host's, which runs guests, or a guest's.

What the kernel says of itself decides, not what somebody calls the file. A kernel that runs virtual machines names their threads
(``CPU 0/KVM``), KVM's own messages and the bridges of their network cards; one that runs in a machine of QEMU names that machine,
its paravirtual clock and devices. A host that is itself a guest says both: then the traces of its own guests count for more.
"""

import re
from collections.abc import Iterable, Sequence

_HOST = (
    (r"Comm: CPU \d+/KVM|CPU#\d+ stuck .{0,20}CPU \d+/KVM", 10),  # whatever else it is, it runs guests
    (r"CPU \d+/KVM|\b(?:qemu-system-\S{1,20}|qemu-kvm(?:-\S{1,20})?|libvirtd|virtqemud|vhost-\d+)\b", 6),
    (
        r"task (?:zvol\S{0,12}|drbd\w{0,20}|nfsd|qemu\S{0,14}|kvm):\d+ blocked",
        2,
    ),  # they serve others' disks, or are QEMU
    (
        r"(?:Linux version |Tainted\S*:? .{0,30})\d\S*-(?:pve|Unraid)\b",
        4,
    ),  # kernels of systems that are made to run guests
    (r"task (?:worker|iou-wrk-\d+|IO \w{1,20}):\d+ blocked", 2),
    (r"#(?:AC|DB): .{1,32}/\d+ took a (?:split|bus)_?lock", 3),  # KVM hides the means to find them from guests
    (r"\[kvm:\d+\]|Comm: kvm |task kvm:\d+ |^kvm[-_](?!guest|clock|stealtime)\w+: ", 6),
    (r"\bkvm \[\d+\]:|^kvm: (?!Guest|paravirt|\[)|\bSMP vm created\b|lapic timer period limited", 6),
    (r"vcpu\d* ?\d*,? (?:unhandled|disabled|requested|ignored)", 6),
    (r"\b(?:tap|vnet|virbr|vmbr|fwbr|fwpr|fwln|veth|macvtap)\d+\S{0,20}\b", 4),
    (r"\[kvm(?:_intel|_amd)?\]|\b(?:vmx_vcpu_run|svm_vcpu_run|vcpu_enter_guest|kvm_vcpu_ioctl|kvm_mmu_\w+)\+0x", 4),
    (
        r"process \d+ \((?:kvm|qemu[\w-]{0,20})\)|task=(?:kvm|qemu[\w-]{0,20}),|^(?:kvm|qemu\S{0,20}) invoked oom-killer",
        6,
    ),
    (r"kvm_intel: |kvm_amd: |^SVM: |vfio[-_]pci |DMAR: |AMD-Vi: |EDAC |mce: \[Hardware", 2),
    (
        r"(?:DMI|Hardware name): (?!QEMU|Bochs|Red Hat KVM|RDO|oVirt|OpenStack|KubeVirt|Xen|VMware|innotek|Microsoft|\()\S",
        2,
    ),
)
_GUEST = (
    (r"Hypervisor detected|paravirtualized kernel|kvm-guest:|kvm-clock:|KVM setup |kvm-stealtime|kvm: Guest", 6),
    (r"(?:DMI|Hardware name): (?:QEMU|Bochs|Red Hat KVM|RDO|oVirt|OpenStack|KubeVirt|linux,dummy-virt)", 8),
    (
        r"(?:DMI|Hardware name): .{0,60}(?:VM\b|Virtual|HVM domU|Compute Engine|Amazon EC2|Alibaba Cloud|Droplet|vServer|BHYVE|Cloud Hypervisor)",
        8,
    ),
    (r"Hardware name: .{0,60}(?:emulated by qemu|KVM/Linux|KVM Virtual Machine)", 8),
    (r"\bkvm-clock\b|\bkvmclock\b|\bpvclock_\w+|\bkvm_(?:clock|wait|guest|async_pf|kick_cpu|sched_clock)\w*", 4),
    (r"\bpv_\w*spin\w+|\bparavirt_\w+", 2),
    (r"\bvirtio\d+\b|\bvirtio[_-](?:blk|net|scsi|pci|balloon|gpu|console|ring|mmio|rng)\b", 3),
    (r"\bvirtqueue_\w+|\bvirtnet_\w+|\bvring_\w+|\bvp_notify|\bvm_interrupt\+0x", 3),
    (r"QEMU (?:DVD|HARDDISK|USB|Virtual)|\bqxl\b|\bbochs[-_]drm\b|\bcirrus(?:drmfb|_dirty|fb)?\b|fw_cfg", 3),
    (r"\bvd[a-z]\d{0,2}\b", 3),
)
_HOST_WORDS = [(re.compile(pattern), weight) for pattern, weight in _HOST]
_GUEST_WORDS = [(re.compile(pattern), weight) for pattern, weight in _GUEST]
_LISTS = re.compile(r"Modules linked in|Code: |R[A-Z0-9]{2}: ")  # names that stand in both
_MOST_LINES = 4000


def side(texts: Sequence[str]) -> tuple[bool, bool]:
    """Whether these lines (without stamps) are the host's, and whether that is sure.

    >>> side(["Hardware name: QEMU Standard PC (i440FX + PIIX, 1996)"])
    (False, True)
    >>> side(["kvm [21715]: vcpu1 unhandled rdmsr: 0x611"])
    (True, True)
    """
    plain = [text[:600] for text in texts[:_MOST_LINES] if not _LISTS.match(text)]
    host, guest = _weight(_HOST_WORDS, plain), _weight(_GUEST_WORDS, plain)
    return host > guest, host != guest


def _weight(words: Iterable[tuple[re.Pattern[str], int]], texts: Sequence[str]) -> int:
    """Each sign counts once, however often it is said."""
    return sum(weight for pattern, weight in words if any(pattern.search(text) for text in texts))
