"""spinlock: one of two CPUs of a Linux guest waits for a spinlock that nobody gives back."""

import msgspec

from crazytrain.lab.guest import Linux
from crazytrain.lab.guests.irq_off_spin import IRQ_OFF_SPIN, MEMORY_MIB, SCRIPT
from crazytrain.lab.guests.soft_lockup import SEEN
from crazytrain.lab.props.poke import PokesKernel

LOCK = "sb_lock"
HELD = bytes.fromhex("01000000")  # struct qspinlock: locked, nobody waits

SPINLOCK = msgspec.structs.replace(
    IRQ_OFF_SPIN,
    name="spinlock",
    summary="one of the guest's two CPUs spins for a lock that nobody gives back",
    does=(
        "Linux whose lock of the list of file systems (sb_lock) the lab marks as held in the guest's RAM; then a process "
        "on CPU 1 calls sync. CPU 0 prints a heartbeat, and the kernel's watchdog (threshold 1 s) tells of a soft lockup."
    ),
    cause="guest-spinlock",
    image=Linux(
        answers=True,
        arguments=("panic=-1", "watchdog_thresh=1"),
        script=SCRIPT.replace("vhangup", "sync"),
    ),
    props=(PokesKernel(symbol=LOCK, data=HELD, seen=SEEN, memory_mib=MEMORY_MIB),),
)
