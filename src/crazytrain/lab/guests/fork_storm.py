"""fork-storm: processes are made and end, as fast as the guest can."""

from crazytrain.lab.guest import CONSOLE, Counted, LabGuest, Linux, Sign

FORK_STORM = LabGuest(
    name="fork-storm",
    summary="the guest makes process after process, each of which ends at once",
    does="Linux whose shell runs a program that does nothing, again and again, and tells each hundred.",
    family="guest-busy",
    cause="guest-kernel-busy",
    image=Linux(
        answers=True,
        script="""
echo READY
storm=0
while :; do
    left=100
    while [ $left -gt 0 ]; do
        /bin/busybox true
        left=$((left - 1))
    done
    storm=$((storm + 1))
    echo "progress $storm"
done
""",
    ),
    ready=Sign(file=CONSOLE, pattern=r"progress \d+\r?\n"),
    progress=Counted(file=CONSOLE, pattern=r"progress (\d+)\r?\n", unit="100 processes"),
)
