"""What QEMU and libvirt said at several moments, as one state: the last word on each matter."""

import msgspec

from crazytrain.model.facts import Facts, QemuState

_LIBVIRT = "libvirt"


def derive_qemu_state(facts: Facts) -> QemuState | None:
    """Join several readings; ``None`` with fewer than two.

    Whether the monitor answers is for the monitor itself to say: libvirt answers for a QEMU that hangs, too. What one
    reading did not hold (disks are asked about once) comes from an earlier one.
    """
    states = sorted(facts.all(QemuState), key=lambda state: state.mono_ns)
    if len(states) < 2:
        return None
    monitors = [state for state in states if state.told_by != _LIBVIRT] or states
    newest = states[::-1]
    return msgspec.structs.replace(
        monitors[-1],
        status=next((state.status for state in newest if state.status), ""),
        status_reason=next((state.status_reason for state in newest if state.status_reason), ""),
        marked=any(state.marked for state in states),
        version=next((state.version for state in newest if state.version), None),
        version_text=next((state.version_text for state in newest if state.version_text), ""),
        kvm=next((state.kvm for state in newest if state.kvm is not None), None),
        vcpu_tids=next((state.vcpu_tids for state in newest if state.vcpu_tids), ()),
        io_errors=next((state.io_errors for state in newest if state.io_errors), ()),
        refs=tuple(dict.fromkeys(ref for state in (monitors[-1], *newest) for ref in state.refs))[:4],
    )
