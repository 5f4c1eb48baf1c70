"""emulation-failure: KVM cannot do what the guest wants, and QEMU has stopped it."""

from crazytrain.lab.guest import DEBUGCON, BootSector, LabGuest, Sign

EMULATION_FAILURE = LabGuest(
    name="emulation-failure",
    summary="the guest runs an instruction that KVM cannot do for it, and QEMU has stopped it (KVM internal error)",
    does="A boot sector that loads a floating-point number from an address where nothing is: KVM does not know how.",
    family="vcpu-cannot-run",
    cause="emulation-failure",
    image=BootSector(source="emulation-failure"),
    needs_kvm=True,
    memory_mib=64,
    ready=Sign(file=DEBUGCON, pattern=r"\."),
    progress=None,
)
