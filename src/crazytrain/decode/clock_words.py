"""Words of a Linux kernel's command line that decide over its clocks."""

import re

# Documentation/admin-guide/kernel-parameters.txt
_WORD = re.compile(
    r"(?:clocksource|tsc|notsc|nohpet|hpet|acpi_pm_good|pmtmr|no-kvmclock|no-kvmclock-vsyscall|nopv|lapic\w*|nolapic\w*|no_timer_check"
    r"|nohz|highres|clock|tsc_early_khz|x86_intel_mid_timer|acpi|noapic)(?:=\S{0,80})?"
)
_LIMIT, _MOST = 8192, 40


def clock_words(command_line: str) -> tuple[str, ...]:
    """The words that are about clocks, in order.

    >>> clock_words("root=/dev/vda1 quiet clocksource=acpi_pm tsc=unstable")
    ('clocksource=acpi_pm', 'tsc=unstable')
    """
    return tuple(word for word in command_line[:_LIMIT].split() if _WORD.fullmatch(word))[:_MOST]
