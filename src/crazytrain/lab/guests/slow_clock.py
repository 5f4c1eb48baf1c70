"""slow-clock: a program asks for the time without end, and the guest's clock is a device that QEMU emulates."""

from crazytrain.lab.guest import CONSOLE, Counted, LabGuest, Linux, Sign

SLOW_CLOCK = LabGuest(
    name="slow-clock",
    summary="a program of the guest asks for the time without end, and each answer is a read of an emulated timer",
    does=(
        "Linux with clocksource=acpi_pm and a process that calls clock_gettime in a loop, as databases and tracing do; "
        "the kernel reads the port of the ACPI PM timer for each."
    ),
    family="guest-clock",
    cause="slow-clocksource",
    image=Linux(
        programs=("ask-time",),
        arguments=("panic=-1", "clocksource=acpi_pm"),
        script="\necho READY\nexec ask-time\n",
    ),
    ready=Sign(file=CONSOLE, pattern=r"progress \d+\r?\n"),
    progress=Counted(file=CONSOLE, pattern=r"progress (\d+)\r?\n", unit="10,000 questions for the time"),
)
