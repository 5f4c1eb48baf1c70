"""thrash: a process uses more memory than the guest has, and the guest's kernel swaps all the time."""

from crazytrain.lab.guest import CONSOLE, Counted, LabGuest, Linux, Sign
from crazytrain.lab.props.disk import DEVICE, NVME_DISK, EmptyDisk

SWAP_MIB = 256

THRASH = LabGuest(
    name="thrash",
    summary="a process uses more memory than the guest has: its kernel swaps pages out and back in all the time",
    does=(
        "Linux of 128 MiB with 256 MiB of swap on an NVMe disk, and a process that writes to the pages of 160 MiB, round "
        "and round, and tells how many it wrote to."
    ),
    family="guest-busy",
    cause="guest-memory-thrash",
    image=Linux(
        programs=("touch-memory",),
        script=f"""
busybox mkswap {DEVICE} >/dev/null
busybox swapon {DEVICE} || echo "swapon: error $?"
echo READY
exec touch-memory
""",
    ),
    arguments=NVME_DISK,
    props=(EmptyDisk(mib=SWAP_MIB),),
    ready=Sign(file=CONSOLE, pattern=r"progress (?:[5-9]|\d\d+)\r?\n"),
    progress=Counted(file=CONSOLE, pattern=r"progress (\d+)\r?\n", unit="10,000 pages written to"),
)
