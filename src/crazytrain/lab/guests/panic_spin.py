"""panic-spin: the guest's kernel panicked and spins in its delay loop."""

from crazytrain.lab.guest import CONSOLE, LabGuest, Linux, Sign

PANIC_SPIN = LabGuest(
    name="panic-spin",
    summary="the guest's kernel panicked and spins for ever",
    does="Linux with panic=0 (never reboot) that crashes itself by sysrq c.",
    family="guest-stuck",
    cause="guest-panic-spin",
    image=Linux(arguments=("panic=0",), script="\necho READY\necho c >/proc/sysrq-trigger\n"),
    ready=Sign(file=CONSOLE, pattern=r"end Kernel panic - not syncing: sysrq triggered crash"),
    progress=None,
)
