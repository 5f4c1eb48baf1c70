"""idle-poll: a guest with nothing to do, which never gives its CPU back."""

from crazytrain.lab.guest import CONSOLE, Counted, LabGuest, Linux, Sign

IDLE_POLL = LabGuest(
    name="idle-poll",
    summary="the guest has nothing to do and idles by polling: it never gives its CPU back",
    does="Linux with idle=poll, as in many a guide to low latency; it sleeps, with a heartbeat every 2 s.",
    family="exit-storm",
    cause="idle-poll",
    image=Linux(
        arguments=("panic=-1", "idle=poll"),
        script="""
echo READY
beats=0
while sleep 2; do
    beats=$((beats + 1))
    echo "progress $beats"
done
""",
    ),
    ready=Sign(file=CONSOLE, pattern=r"progress \d+\r?\n"),
    progress=Counted(file=CONSOLE, pattern=r"progress (\d+)\r?\n", unit="heartbeat, one every 2 s"),
)
