"""truth: a healthy guest that tells the truth about itself, to hold against what is read from outside."""

from crazytrain.lab.guest import CONSOLE, Counted, LabGuest, Linux, Sign
from crazytrain.lab.props.disk import NVME_DISK, EmptyDisk

TRUTH = LabGuest(
    name="truth",
    summary="healthy: answers questions about itself on a shell, and sleeps otherwise",
    does=(
        "Linux with two vCPUs and a few sleeping processes of known names. Its second serial port (shell.sock) is a "
        "root shell, and an NVMe disk (bulk.img) takes what is too long for a serial port."
    ),
    family="healthy",
    cause="healthy-idle",
    image=Linux(
        answers=True,
        script="""
echo 0 >/proc/sys/kernel/kptr_restrict
sleep 100000 &
cat /dev/ttyS0 &
echo READY
beats=0
while :; do
    sleep 5
    beats=$((beats + 1))
    echo "progress $beats"
done
""",
    ),
    arguments=NVME_DISK,
    props=(EmptyDisk(mib=64),),
    cpus=2,
    memory_mib=192,
    ready=Sign(file=CONSOLE, pattern=r"(?m)^READY"),
    progress=Counted(file=CONSOLE, pattern=r"progress (\d+)", unit="heartbeat, one every 5 s"),
)
