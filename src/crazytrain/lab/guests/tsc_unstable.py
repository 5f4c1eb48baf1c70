"""tsc-unstable: the guest's kernel has given up the TSC, and its programs pay for each look at the clock."""

from crazytrain.lab.guest import CONSOLE, Counted, LabGuest, Linux, Sign

TSC_UNSTABLE = LabGuest(
    name="tsc-unstable",
    summary="the guest's kernel has given up the TSC as unstable and keeps time by a slow device",
    does=(
        "Linux that is told to take its TSC for unstable (tsc=unstable: it marks it so, as its watchdog would) and falls "
        "back to the HPET; a process asks for the time without end."
    ),
    family="guest-clock",
    cause="tsc-unstable",
    image=Linux(
        programs=("ask-time",),
        arguments=("panic=-1", "tsc=unstable"),
        script="\necho READY\nexec ask-time\n",
    ),
    ready=Sign(file=CONSOLE, pattern=r"progress \d+\r?\n"),
    progress=Counted(file=CONSOLE, pattern=r"progress (\d+)\r?\n", unit="10,000 questions for the time"),
)
