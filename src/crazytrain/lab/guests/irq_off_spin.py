"""irq-off-spin: one of two CPUs of a Linux guest spins in its kernel with interrupts off."""

from crazytrain.lab.guest import CONSOLE, Counted, LabGuest, Linux, Sign
from crazytrain.lab.props.poke import PokesKernel

CLI_AND_SPIN = bytes.fromhex("faebfe")  # cli; jmp to itself
MEMORY_MIB = 128
SPINS_IN = "__x64_sys_vhangup"
"""The kernel function that vCPU 1 never leaves."""

SEEN = r"rcu:\s+1-\S+ \("  # the list of CPUs that stall: CPU 1

# nohz=off, irqaffinity=0: CPU 0 keeps the duty to advance the time, and the serial ports; CPU 1 would take them along.
SCRIPT = """
taskset -p 1 $$ >/dev/null
(while [ ! -e /go ]; do sleep 0.1; done; exec taskset 2 vhangup) &
echo READY
beats=0
while sleep 0.2; do
    beats=$((beats + 1))
    echo "progress $beats"
done
"""

IRQ_OFF_SPIN = LabGuest(
    name="irq-off-spin",
    summary="one of the guest's two CPUs spins in the kernel with interrupts off; the other one works on",
    does=(
        "Linux whose system call vhangup the lab overwrites in the guest's RAM by `cli` and `jmp $`; then a process on "
        "CPU 1 calls it. CPU 0 prints a heartbeat, and the kernel tells of an RCU stall after 3 s."
    ),
    family="guest-stuck",
    cause="guest-hard-lockup",
    image=Linux(
        answers=True,
        programs=("vhangup",),
        arguments=("panic=-1", "nohz=off", "irqaffinity=0", "rcupdate.rcu_cpu_stall_timeout=3"),
        script=SCRIPT,
    ),
    cpus=2,
    memory_mib=MEMORY_MIB,
    props=(
        PokesKernel(
            symbol=SPINS_IN,
            data=CLI_AND_SPIN,
            seen=SEEN,
            memory_mib=MEMORY_MIB,
        ),
    ),
    ready=Sign(file=CONSOLE, pattern=r"progress \d+\r?\n"),
    progress=Counted(file=CONSOLE, pattern=r"progress (\d+)\r?\n", unit="heartbeat of CPU 0, up to five a second"),
)
