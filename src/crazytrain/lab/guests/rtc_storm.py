"""rtc-storm: the real-time clock chip interrupts 8,192 times a second."""

from crazytrain.lab.guest import CONSOLE, Counted, LabGuest, Linux, Sign

RTC_STORM = LabGuest(
    name="rtc-storm",
    summary="the real-time clock chip interrupts 8,192 times a second",
    does=(
        "Linux without HPET; a program sets rate and periodic interrupt of the RTC chip through ports 0x70 and 0x71 "
        "(/dev/rtc0 would only start a timer of the local APIC); the kernel's own driver answers each one on IRQ 8."
    ),
    family="timer-storm",
    cause="rtc-periodic-storm",
    image=Linux(
        hpet=False,
        programs=("rtc-storm",),
        script="""
rtc-storm || echo "rtc-storm: error $?"
echo READY
while sleep 0.25; do
    while read -r irq count rest; do
        [ "$irq" = 8: ] && echo "progress $count"
    done </proc/interrupts
done
""",
    ),
    ready=Sign(file=CONSOLE, pattern=r"progress \d{4,}\r?\n"),
    progress=Counted(file=CONSOLE, pattern=r"progress (\d+)\r?\n", unit="interrupt on IRQ 8, told four times a second"),
)
