"""oom: a process of the guest eats all memory, is killed by the kernel, and begins anew."""

from crazytrain.lab.guest import CONSOLE, Counted, LabGuest, Linux, Sign

OOM = LabGuest(
    name="oom",
    summary="the guest runs out of memory again and again: its kernel kills the process that eats it",
    does="Linux without swap, where a process writes to page after page; once it is killed another one begins.",
    family="guest-busy",
    cause="guest-kernel-busy",
    image=Linux(
        answers=True,
        programs=("eat-memory",),
        script="""
echo READY
kills=0
while :; do
    eat-memory
    kills=$((kills + 1))
    echo "progress $kills"
done
""",
    ),
    ready=Sign(file=CONSOLE, pattern=r"Out of memory: Killed process \d+ \(eat-memory\)"),
    progress=Counted(file=CONSOLE, pattern=r"progress (\d+)\r?\n", unit="process killed"),
)
