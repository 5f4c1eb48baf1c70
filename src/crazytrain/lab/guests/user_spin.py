"""user-spin: a process of the guest computes without end."""

from crazytrain.lab.guest import CONSOLE, Counted, LabGuest, Linux, Sign

USER_SPIN = LabGuest(
    name="user-spin",
    summary="a process of the guest computes without end",
    does="Linux with one process in a loop of integer arithmetic; now and then it prints how far it came.",
    family="guest-busy",
    cause="guest-user-busy",
    image=Linux(programs=("user-spin",), script="\necho READY\nexec user-spin\n"),
    ready=Sign(file=CONSOLE, pattern=r"progress \d+\r?\n"),
    progress=Counted(file=CONSOLE, pattern=r"progress (\d+)\r?\n", unit="1,000,000 rounds of computing"),
)
