"""What pasted tables of CPUs, clock sources and interrupts say, as points of causes.

Whose they are, the host's or a guest's, decides what they mean: steal in a guest is a host that lets it wait, steal on the host is a
machine below that does. Where nobody knows, they say less.
"""

from collections.abc import Iterable, Iterator

import msgspec

from crazytrain.diagnose.balloon_signs import balloon_points
from crazytrain.diagnose.chardev_stack_signs import chardev_points
from crazytrain.diagnose.profile_signs import profile_points
from crazytrain.model.facts import Facts
from crazytrain.model.facts.host_tables import ClocksourceText, CpuRow, CpuTable
from crazytrain.model.facts.moments import CpuTicksReading, LinuxInterrupts
from crazytrain.model.facts.throttling import ThrottleCount
from crazytrain.model.facts.tool_lines import ToolLine, ToolMeaning
from crazytrain.model.figures import rate, share
from crazytrain.model.finding import Point

STEAL_FROM, STEAL_TO = 0.15, 0.01
MUCH_STEAL_FROM = 0.4
ALL_STEAL_FROM = 0.985
WAITS_FROM = 0.3
IDLE_FROM = 0.9
WORKS_FROM = 0.7
SOFT_FROM = 0.3
STORM_FROM_PER_S, CALM_TO_PER_S = 900.0, 300.0
_OFTEN_THROTTLED, _SELDOM_THROTTLED = 0.25, 0.01
_STEAL_COLUMN = 7  # user nice system idle iowait irq softirq steal
_ABSURD_TICKS = 1 << 40  # 348 years at 100 a second
SLOW = ("acpi_pm", "hpet", "pit", "jiffies", "refined-jiffies")

# Cause: how much it speaks for it on the host, in a guest, and where nobody knows whose it is.
_Sides = tuple[float, float, float]
_STEAL: dict[str, _Sides] = {
    "nested-starvation": (6, 1, 1.5),
    "cpu-contention": (1, 5, 3),
    "cpu-throttled": (1, 2, 1.5),
    "healthy-idle": (0.3, 0.3, 0.3),
}
_MUCH_STEAL: dict[str, _Sides] = {
    "nested-starvation": (10, 1, 2),
    "cpu-contention": (1, 25, 15),
    "cpu-throttled": (1, 4, 3),
    # A CPU that gets no time seems stuck to the watchdog that runs on it.
    "guest-soft-lockup": (0.04, 0.2, 0.4),
    "guest-hard-lockup": (0.2, 0.3, 0.5),
    "healthy-idle": (0.2, 0.2, 0.2),
    "healthy-busy": (0.3, 0.2, 0.2),
}
_NO_STEAL: dict[str, _Sides] = {
    "nested-starvation": (0.2, 1, 0.7),
    "cpu-contention": (1, 0.2, 0.6),
    "steal-time-overflow": (1, 0.1, 0.4),
}
_ALL_STOLEN: dict[str, _Sides] = {"healthy-busy": (0.3, 0.05, 0.05), "steal-time-overflow": (1, 4, 3)}
# Who prints the table needs a CPU for it: where all is stolen to the last per cent, the account is wrong.
_TO_THE_LAST: dict[str, _Sides] = {"steal-time-overflow": (1, 6, 5), "cpu-contention": (1, 0.3, 0.5)}
_WAITS: dict[str, _Sides] = {
    "storage-stall": (3, 2, 2),
    "guest-io-heavy": (1.5, 1.5, 1.5),
    "guest-hung-io": (1, 1.5, 1.2),
    "guest-memory-thrash": (1.2, 1.5, 1.3),
}
_IDLE: dict[str, _Sides] = {
    "guest-user-busy": (0.5, 0.1, 0.5),
    "guest-kernel-busy": (0.5, 0.2, 0.5),
    "idle-poll": (0.5, 1.3, 1),
}
_USER: dict[str, _Sides] = {"guest-user-busy": (1, 6, 1.5), "healthy-busy": (1, 2, 1.2)}
_SYSTEM: dict[str, _Sides] = {"guest-kernel-busy": (1, 4, 1.3), "guest-spinlock": (1, 1.5, 1)}
_SOFT: dict[str, _Sides] = {"guest-io-heavy": (1, 2, 1.3), "interrupt-storm": (1, 2, 1.2), "vhost-busy": (1.5, 1, 1)}
_IN_GUESTS: dict[str, _Sides] = {"guest-user-busy": (2, 1, 1), "guest-kernel-busy": (2, 1, 1), "idle-poll": (1.5, 1, 1)}

_SLOW_CLOCK: dict[str, _Sides] = {"slow-clocksource": (1.2, 8, 3), "tsc-unstable": (1, 4, 2)}
_GOOD_CLOCK: dict[str, _Sides] = {"slow-clocksource": (1, 0.1, 0.4), "tsc-unstable": (1, 0.3, 0.7)}


def table_points(cause: str, facts: Facts) -> tuple[Point, ...]:
    """Points of one cause from such tables."""
    return (
        *_of_cpus(cause, _of_known(facts)),
        *_of_ticks(cause, facts.all(CpuTicksReading)),
        *_of_quota(cause, facts.all(ThrottleCount)),
        *_of_clocks(cause, facts.all(ClocksourceText)),
        *_of_interrupts(cause, facts.get(LinuxInterrupts)),
        *profile_points(cause, facts),
        *balloon_points(cause, facts),
        *chardev_points(cause, facts),
    )


def _of_known(facts: Facts) -> Iterator[CpuTable]:
    """The tables; where a host shows that it is virtual itself, what nobody knows whose it is counts as the host's."""
    virtual = any(line.meaning is ToolMeaning.HOST_IS_GUEST for line in facts.all(ToolLine))
    for table in facts.all(CpuTable):
        yield msgspec.structs.replace(table, guest=False) if virtual and table.guest is None else table


def _side(guest: bool | None) -> int:
    return 2 if guest is None else int(guest)


def _of_cpus(cause: str, tables: Iterable[CpuTable]) -> Iterator[Point]:
    """Of several tables the one that says most."""
    points = [point for table in tables for point in _of_table(cause, table)]
    if points:
        yield max(points, key=lambda point: max(point.ratio, 1 / point.ratio))


def _of_table(cause: str, table: CpuTable) -> Iterator[Point]:
    row = table.whole or (table.rows[0] if len(table.rows) == 1 else None)
    if row is None:
        return
    guest = False if (row.guest_ratio or 0.0) >= 0.01 else table.guest  # only a host runs guests
    if guest is None and row.guest_ratio is not None and row.system_ratio + row.user_ratio >= WORKS_FROM:
        guest = True  # a host of a guest that works has time in guests
    whose = {False: "the host's", True: "the guest's", None: "a machine's (host or guest: not told)"}[guest]
    for says, ratios in _signs(row):
        ratio = ratios.get(cause, (1, 1, 1))[_side(guest)]
        if ratio != 1:
            yield Point(f"{table.tool}: {whose} CPUs {says}", table.refs, ratio)


def _signs(row: CpuRow) -> Iterator[tuple[str, dict[str, _Sides]]]:
    steal, guests = row.steal_ratio, row.guest_ratio or 0.0
    interrupts = (row.soft_ratio or 0.0) + (row.irq_ratio or 0.0)
    if steal is not None and steal <= STEAL_TO:
        yield "lost no time to a machine below (steal)", _NO_STEAL
    for ratio, least, says, ratios in (
        (steal or 0.0, STEAL_FROM, "were kept from running {} of the time (steal)", _STEAL),
        (_below(steal, IDLE_FROM), MUCH_STEAL_FROM, "were kept from running {} of the time (steal)", _MUCH_STEAL),
        (steal or 0.0, IDLE_FROM, "had {} of their time stolen, which no host does that runs them at all", _ALL_STOLEN),
        (
            steal or 0.0,
            ALL_STEAL_FROM,
            "had no time left that was not stolen ({}), and printed this table",
            _TO_THE_LAST,
        ),
        (row.iowait_ratio or 0.0, WAITS_FROM, "waited for disks {} of the time", _WAITS),
        (row.idle_ratio, IDLE_FROM, "were idle {} of the time", _IDLE),
        (row.user_ratio - guests, WORKS_FROM, "ran programs {} of the time", _USER),
        (row.system_ratio, WORKS_FROM, "were in the kernel {} of the time", _SYSTEM),
        (interrupts, SOFT_FROM, "served interrupts {} of the time", _SOFT),
        (guests, WORKS_FROM, "ran guests {} of the time", _IN_GUESTS),
    ):
        if ratio >= least:
            yield says.format(share(ratio)), ratios


def _below(ratio: float | None, most: float) -> float:
    return ratio if ratio is not None and ratio < most else 0.0


def _of_quota(cause: str, counts: Iterable[ThrottleCount]) -> Iterator[Point]:
    """How often the limit of a cgroup held it back; whose cgroup it is the text does not tell."""
    if cause not in ("cpu-contention", "cpu-throttled"):
        return
    for one in counts:
        part = one.throttled / one.periods
        says = f"cpu.stat: its quota was used up in {share(part)} of {one.periods:,} periods"
        yield Point(says, (one.ref,), 40 if part >= _OFTEN_THROTTLED else 0.2 if part <= _SELDOM_THROTTLED else 1.5)
        return


def _of_ticks(cause: str, readings: Iterable[CpuTicksReading]) -> Iterator[Point]:
    """More stolen time than any machine has lived: the account has run over."""
    if cause != "steal-time-overflow":
        return
    for reading in readings:
        stolen = max((ticks[_STEAL_COLUMN] for _, ticks in reading.cpus if len(ticks) > _STEAL_COLUMN), default=0)
        if stolen >= _ABSURD_TICKS:
            yield Point(f"/proc/stat counts {stolen:,} ticks of steal, which no machine has lived", (reading.ref,), 300)
            return


def _of_clocks(cause: str, clocks: Iterable[ClocksourceText]) -> Iterator[Point]:
    """A slow clock of any machine counts before a good one: host and guest may both stand there."""
    points = [point for clock in clocks for point in _of_clock(cause, clock)]
    if points:
        yield max(points, key=lambda point: point.ratio)


def _of_clock(cause: str, clock: ClocksourceText) -> Iterator[Point]:
    slow = clock.current in SLOW
    ratios = _SLOW_CLOCK if slow else _GOOD_CLOCK if clock.current else {}
    ratio = ratios.get(cause, (1, 1, 1))[_side(clock.guest)]
    whose = "the guest" if clock.guest else "a Linux (host or guest: not told)"
    if ratio != 1:
        yield Point(f"{whose} keeps time by {clock.current}", clock.refs, ratio)


def _of_interrupts(cause: str, found: LinuxInterrupts | None) -> Iterator[Point]:
    if found is None:
        return
    if cause == "interrupt-storm":
        yield from _of_devices(found)
    if cause not in _LINES:
        return
    words, storm, calm = _LINES[cause]
    per_s = found.per_s(*words)
    says = f"{' and '.join(words)} of /proc/interrupts fired {rate(per_s)}"
    if per_s >= STORM_FROM_PER_S:
        yield Point(says, found.refs, storm if found.guest else storm**0.5)
    elif per_s <= CALM_TO_PER_S and found.guest:
        yield Point(says, found.refs, calm)


def _of_devices(found: LinuxInterrupts) -> Iterator[Point]:
    """A line that a device holds until somebody serves it: no device has so much to tell; messages may come that often with traffic."""
    for one in found.rates:
        level = any(word in one.what for word in ("fasteoi", "-level", "level "))
        if level and one.per_s >= LINE_STORM_FROM_PER_S and not any(word in one.what for word in _TIMERS):
            yield Point(f"line {one.name} ({one.what}) of /proc/interrupts fired {rate(one.per_s)}", found.refs, 30)
            return


LINE_STORM_FROM_PER_S = 20_000.0
_TIMERS = ("timer", "rtc", "hpet")
# Cause: the lines of /proc/interrupts that its timer raises in a guest, and how much many or few of them say.
_LINES: dict[str, tuple[tuple[str, ...], float, float]] = {
    "rtc-periodic-storm": (("rtc0", "rtc"), 30, 0.1),
    "pit-hpet-storm": (("timer", "hpet2", "hpet3"), 15, 0.2),
}
