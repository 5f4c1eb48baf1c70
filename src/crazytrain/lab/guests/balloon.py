"""balloon: the host takes most of the guest's memory and gives it back, again and again, and the guest works for nothing else."""

from crazytrain.lab.guest import CONSOLE, Counted, LabGuest, Linux, Sign
from crazytrain.lab.modules import VIRTIO_PCI
from crazytrain.lab.props.balloon import MONITOR, MovesBalloon

MEMORY_MIB = 2048

BALLOON = LabGuest(
    name="balloon",
    summary="the host takes most of the guest's memory by its balloon and gives it back, without end: the guest waits for that",
    does=(
        "Linux of 2 GiB with a virtio balloon, which a process of the lab moves between 256 MiB and 2 GiB without rest, as "
        "two managers that disagree do; the guest has one CPU, and its balloon driver takes it."
    ),
    family="qemu-blocked",
    cause="balloon-deflate",
    image=Linux(
        modules=(*VIRTIO_PCI, "virtio_balloon"),
        script="""
echo READY
beats=0
while sleep 0.5; do
    beats=$((beats + 1))
    echo "progress $beats"
done
""",
    ),
    arguments=("-device", "virtio-balloon-pci", *MONITOR),
    memory_mib=MEMORY_MIB,
    props=(MovesBalloon(low_mib=256, high_mib=MEMORY_MIB),),
    ready=Sign(file=CONSOLE, pattern=r"progress \d+\r?\n"),
    progress=Counted(file=CONSOLE, pattern=r"progress (\d+)\r?\n", unit="heartbeat, up to two a second"),
)
