"""soft-lockup: one of two CPUs of a Linux guest stays in its kernel and schedules nothing; interrupts come."""

import msgspec

from crazytrain.lab.guest import Linux
from crazytrain.lab.guests.irq_off_spin import IRQ_OFF_SPIN, MEMORY_MIB, SCRIPT, SPINS_IN
from crazytrain.lab.props.poke import PokesKernel

JUST_SPIN = bytes.fromhex("ebfe")  # jmp to itself
SEEN = r"BUG: soft lockup - CPU#1 stuck"

SOFT_LOCKUP = msgspec.structs.replace(
    IRQ_OFF_SPIN,
    name="soft-lockup",
    summary="one of the guest's two CPUs stays in the kernel and schedules nothing, though interrupts come",
    does=(
        "Linux whose system call vhangup the lab overwrites in the guest's RAM: it switches preemption off and jumps to "
        "itself; a process on CPU 1 calls it. CPU 0 prints a heartbeat, and the kernel's watchdog (threshold 1 s) tells of a soft lockup."
    ),
    cause="guest-soft-lockup",
    image=Linux(
        answers=True,
        programs=("vhangup",),
        arguments=("panic=-1", "watchdog_thresh=1"),
        script=SCRIPT,
    ),
    props=(PokesKernel(symbol=SPINS_IN, data=JUST_SPIN, seen=SEEN, memory_mib=MEMORY_MIB, unpreempted=True),),
)
