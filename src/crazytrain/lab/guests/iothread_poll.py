"""iothread-poll: an iothread polls for a second after each request."""

from crazytrain.lab.guest import DEBUGCON, BootSector, Counted, LabGuest, Sign

POLL_MAX_NS = 1_000_000_000

IOTHREAD_POLL = LabGuest(
    name="iothread-poll",
    summary="an iothread that may poll for a second takes a whole CPU for 18 requests a second",
    does=(
        "A boot sector that reads a sector of its disks at each tick of the firmware's timer. One of them has an iothread "
        "with poll-max-ns=1000000000: after each request QEMU looks for the next one without sleeping."
    ),
    family="main-loop-spin",
    cause="iothread-spin",
    image=BootSector(source="iothread-read"),
    arguments=(
        *("-object", f"iothread,id=io0,poll-max-ns={POLL_MAX_NS}"),
        *("-blockdev", "driver=null-co,node-name=nothing,size=1048576,read-zeroes=on"),
        *("-device", "virtio-blk-pci,drive=nothing,iothread=io0"),
    ),
    memory_mib=64,
    ready=Sign(file=DEBUGCON, pattern=r"\.", times=20),
    progress=Counted(file=DEBUGCON, pattern=r"\.", unit="read of each disk, up to 18.2 a second"),
)
