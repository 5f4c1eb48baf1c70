"""lost-interrupt: the guest's disk has done its work, and the interrupt that tells of it never comes."""

from crazytrain.lab.files import BULK
from crazytrain.lab.guest import CONSOLE, Counted, LabGuest, Linux, Sign
from crazytrain.lab.modules import VIRTIO_PCI
from crazytrain.lab.props.disk import EmptyDisk

# The script finds the capability MSI-X (11h) in the device's configuration space and sets "function mask" in its control
# word (PCI local bus specification 3.0, 6.8.2.3): the device keeps its interrupts pending from then on.
_MASK = r"""
config=$(ls -d /sys/bus/virtio/drivers/virtio_blk/virtio*/../config)
byte() { dd if=$config bs=1 skip=$1 count=1 2>/dev/null | busybox od -An -tu1; }
at=$(byte 52)
while [ $(byte $at) -ne 17 ]; do at=$(byte $((at + 1))); done
printf '\300' | dd of=$config bs=1 seek=$((at + 3)) conv=notrunc 2>/dev/null
"""

LOST_INTERRUPT = LabGuest(
    name="lost-interrupt",
    summary="the guest's disk has done its work, but the interrupt that tells of it never comes: a process waits for ever",
    does=(
        "Linux with a virtio disk. It reads from it, then masks all interrupts of the device in its PCI configuration space "
        "(MSI-X function mask), which its driver does not learn of, and reads again. A shell prints a heartbeat."
    ),
    family="guest-stuck",
    cause="guest-lost-interrupt",
    image=Linux(
        modules=(*VIRTIO_PCI, "virtio_blk"),
        script=f"""
mount -t sysfs sys /sys
dd if=/dev/vda of=/dev/null bs=64k count=16 2>/dev/null
{_MASK}
echo READY
dd if=/dev/vda of=/dev/null bs=64k skip=64 count=16 2>/dev/null &
beats=0
while sleep 0.5; do
    beats=$((beats + 1))
    echo "progress $beats"
done
""",
    ),
    arguments=(
        *("-drive", f"if=none,id=bulk,format=raw,cache=none,file={{folder}}/{BULK}"),
        *("-device", "virtio-blk-pci,drive=bulk"),
    ),
    props=(EmptyDisk(mib=64),),
    ready=Sign(file=CONSOLE, pattern=r"progress (?:[2-9]|\d\d)\r?\n"),
    progress=Counted(file=CONSOLE, pattern=r"progress (\d+)\r?\n", unit="heartbeat, up to two a second"),
)
