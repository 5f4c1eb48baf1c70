"""linux-reboots: a guest whose Linux reboots as soon as it is up, again and again."""

from crazytrain.lab.guest import CONSOLE, Counted, LabGuest, Linux, Sign

LINUX_REBOOTS = LabGuest(
    name="linux-reboots",
    summary="the guest's Linux boots, works for two seconds, reboots, boots: its addresses differ each time",
    does="Linux whose /init calls reboot after two seconds; QEMU may reset it. The kernel lies elsewhere after each boot.",
    family="guest-stuck",
    cause="guest-reboot-loop",
    image=Linux(
        script="""
echo "READY ~ $(grep -m 1 -w _text /proc/kallsyms)"
sleep 2
echo REBOOTS
reboot -f
"""
    ),
    reboots=True,
    ready=Sign(file=CONSOLE, pattern=r"(?m)^READY", times=2),
    progress=Counted(file=CONSOLE, pattern=r"~", unit="boot"),
)
