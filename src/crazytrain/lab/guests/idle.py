"""idle: the healthy guest that has nothing to do."""

from crazytrain.lab.guest import CONSOLE, Counted, LabGuest, Linux, Sign

IDLE = LabGuest(
    name="idle",
    summary="healthy: sleeps, with a heartbeat every 5 s",
    does="Linux that sleeps in busybox sh and prints a line every 5 s.",
    family="healthy",
    cause="healthy-idle",
    image=Linux(
        script="""
echo READY
beats=0
while :; do
    sleep 5
    beats=$((beats + 1))
    echo "progress $beats"
done
"""
    ),
    ready=Sign(file=CONSOLE, pattern=r"(?m)^READY"),
    progress=Counted(file=CONSOLE, pattern=r"progress (\d+)", unit="heartbeat, one every 5 s"),
)
