"""dead-client: who watched the guest's serial line is gone, and QEMU spins on the line."""

from crazytrain.lab.guest import DEBUGCON, BootSector, Counted, LabGuest, Sign
from crazytrain.lab.props.terminal import MASTER, LeftTerminal

DEAD_CLIENT = LabGuest(
    name="dead-client",
    summary="who watched the guest's serial line is gone, and QEMU's main loop spins on the line",
    does=(
        "A boot sector that sleeps. Its second serial port is the master of a pseudo-terminal, as a manager may hand "
        "one to QEMU; the lab opens the terminal and leaves. QEMU reads again and again: EIO, still ready (POLLHUP)."
    ),
    family="main-loop-spin",
    cause="chardev-spin",
    image=BootSector(source="hlt-idle"),
    arguments=("-chardev", f"serial,id=line,path={MASTER}", "-device", "isa-serial,chardev=line,index=1"),
    memory_mib=64,
    ready=Sign(file=DEBUGCON, pattern=r"\.", times=5),
    progress=Counted(file=DEBUGCON, pattern=r"\.", unit="tick of the firmware's timer, 18.2 a second"),
    props=(LeftTerminal(),),
)
