"""hung-task: a process of a Linux guest waits for its disk for ever; the storage behind it does not answer."""

from crazytrain.lab.files import BULK
from crazytrain.lab.guest import CONSOLE, Counted, LabGuest, Linux, Sign
from crazytrain.lab.props.disk import DEVICE, NVME_DISK, EmptyDisk
from crazytrain.lab.props.hung import TellsOfHungTask
from crazytrain.lab.props.storage import FrozenStorage

HUNG_TASK = LabGuest(
    name="hung-task",
    summary="a process of the guest waits for its disk for ever (state D); the storage behind it does not answer",
    does=(
        "Linux with an NVMe disk whose image is a FUSE file; once it runs, the server of that file gets SIGSTOP, and a "
        "process of the guest writes to the disk and waits (fsync). The kernel tells of a hung task after 2 s."
    ),
    family="qemu-blocked",
    cause="storage-stall",
    image=Linux(
        answers=True,
        arguments=("panic=-1", "nvme_core.io_timeout=4000000"),
        script=f"""
echo 2 >/proc/sys/kernel/hung_task_timeout_secs
(while [ ! -e /go ]; do sleep 0.1; done; exec dd if=/dev/zero of={DEVICE} bs=64k count=4 conv=fsync) &
echo READY
beats=0
while sleep 0.2; do
    beats=$((beats + 1))
    echo "progress $beats"
done
""",
    ),
    arguments=NVME_DISK,
    props=(EmptyDisk(mib=16), FrozenStorage(image=BULK), TellsOfHungTask()),
    cpus=2,
    ready=Sign(file=CONSOLE, pattern=r"progress \d+\r?\n"),
    progress=Counted(file=CONSOLE, pattern=r"progress (\d+)\r?\n", unit="heartbeat, up to five a second"),
)
