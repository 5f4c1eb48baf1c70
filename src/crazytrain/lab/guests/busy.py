"""busy: the healthy guest with real work."""

from crazytrain.lab.guest import CONSOLE, Counted, LabGuest, Linux, Sign

BUSY = LabGuest(
    name="busy",
    summary="healthy: real work for about 40 % of the time, in short pulses",
    does=(
        "Linux with a process that computes for 37 of every 100 ms by the guest's clock (so a loaded host does not "
        "raise the share), while a shell copies a small file every second."
    ),
    family="healthy",
    cause="healthy-busy",
    image=Linux(
        programs=("busy",),
        script="""
echo READY
busy &
while :; do
    cp /init /copy
    sleep 1
done
""",
    ),
    ready=Sign(file=CONSOLE, pattern=r"progress \d+\r?\n"),
    progress=Counted(file=CONSOLE, pattern=r"progress (\d+)\r?\n", unit="20,000 rounds, told five times a second"),
)
