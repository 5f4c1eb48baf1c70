"""The guest's time: its timekeeper, its clocksources, its TSC, its jiffies; and whether it has panicked, and its load."""

from typing import NamedTuple

from crazytrain.inside import generations
from crazytrain.inside.attempts import Attempts
from crazytrain.inside.kernel import Kernel
from crazytrain.model.facts.inside import ClockReading
from crazytrain.model.guest_memory import Unreadable

_TRIES = 100
_MOST_CLOCKSOURCES = 64
_MOST_NAME = 32
_MOST_TIMEKEEPER = 4096
_VALID_FOR_HIGH_RESOLUTION = 0x20  # CLOCK_SOURCE_VALID_FOR_HRES
_MOST_SHIFT = 63
_SIGN = 1 << 63
_HZ = (100, 128, 200, 250, 256, 300, 500, 1000, 1024, 2000)
_MOST_BENT = 0.005  # by NTP
_NOT_PANICKED = -1  # PANIC_CPU_INVALID
_LOAD_BITS = 11  # FSHIFT
_HIGHEST_LOAD = 1 << 22


class Timekeeper(NamedTuple):
    """The core timekeeper as of its last update: what its clocksource is (an address), its clocks, and how often it was torn."""

    clock: int
    cycle_last: int
    realtime_ns: int
    monotonic_ns: int
    boot_ns: int
    tick_ns: int
    tries: int


def read_clock(kernel: Kernel, mono_ns: int, wall_ns: int, attempts: Attempts) -> ClockReading:
    """Read the guest's clocks; what is missing of them is noted. Raises ``Unreadable`` where not even the clocksource is known."""
    keeper = attempts.get("timekeeper", read_timekeeper, kernel)
    clocksource = keeper.clock if keeper else kernel.space.u64(kernel.symbols["curr_clocksource"])
    unstable = _number(kernel, "tsc_unstable")
    return ClockReading(
        mono_ns=mono_ns,
        wall_ns=wall_ns,
        clocksource=clocksource_name(kernel, clocksource),
        available=attempts.get("available clocksources", available, kernel) or (),
        jiffies=_long(kernel, "jiffies_64") or _long(kernel, "jiffies"),
        hz=ticks_per_second(keeper.tick_ns if keeper else _long(kernel, "tick_nsec") or 0),
        realtime_ns=keeper.realtime_ns if keeper else None,
        monotonic_ns=keeper.monotonic_ns if keeper else None,
        boot_ns=keeper.boot_ns if keeper else None,
        cycle_last=keeper.cycle_last if keeper else None,
        tsc_khz=_number(kernel, "tsc_khz") or None,
        tsc_unstable=None if unstable is None else bool(unstable),
        skew_tries=keeper.tries if keeper else 0,
    )


def read_timekeeper(kernel: Kernel) -> Timekeeper:
    """Read the timekeeper whole: its sequence count is even and the same before and after. Raises ``Unreadable``."""
    count, base = _clockwork(kernel)
    layout, space = kernel.layout, kernel.space
    size = layout.size("timekeeper")
    if not 0 < size <= _MOST_TIMEKEEPER:
        raise Unreadable("the timekeeper has no believable size")
    for tries in range(_TRIES):
        before = space.u32(count)
        data = space.read(base, size)
        if not before & 1 and space.u32(count) == before:
            return _timekeeper(kernel, data, tries)
    raise Unreadable("the timekeeper is being changed all the time, or its writer was stopped midway")


def _timekeeper(kernel: Kernel, data: bytes, tries: int) -> Timekeeper:
    def number(path: str) -> int:
        field = kernel.layout.field("timekeeper", path)
        if field.offset + field.size > len(data):
            raise Unreadable("the kernel's type information tells nonsense of timekeeper")
        return int.from_bytes(data[field.offset : field.offset + field.size], "little")

    shift = number("tkr_mono.shift")
    if shift > _MOST_SHIFT:
        raise Unreadable("the timekeeper's scale is not believed")
    within = number("tkr_mono.xtime_nsec") >> shift
    monotonic = number("tkr_mono.base") + within
    return Timekeeper(
        clock=number("tkr_mono.clock"),
        cycle_last=number("tkr_mono.cycle_last"),
        realtime_ns=number("xtime_sec") * 10**9 + within,
        monotonic_ns=_signed(monotonic),
        boot_ns=_signed(monotonic + number("offs_boot")),
        tick_ns=number("ntp_tick") >> 32,
        tries=tries,
    )


def _signed(number: int) -> int:
    number %= 2 * _SIGN
    return number - 2 * _SIGN if number >= _SIGN else number


def _clockwork(kernel: Kernel) -> tuple[int, int]:
    """Where the timekeeper's sequence count and the timekeeper itself lie."""
    trouble: Unreadable | None = None
    for way in generations.CLOCKWORK:
        try:
            base = kernel.symbols[way.symbol]
            if way.struct:
                return base, base + kernel.layout.field(way.struct, way.member).offset
            return base, base + (kernel.layout.size(way.sequence) + 7) // 8 * 8
        except Unreadable as error:
            trouble = error
    raise trouble or Unreadable("where the timekeeper lies is not known")


def clocksource_name(kernel: Kernel, clocksource: int) -> str:
    """The name of a clocksource by its address. Raises ``Unreadable``."""
    name = kernel.layout.field("clocksource", "name").offset
    return kernel.space.text(kernel.space.u64(clocksource + name), _MOST_NAME)


def available(kernel: Kernel) -> tuple[str, ...]:
    """The clocksources that the guest may choose from, the best first, as its sysfs shows them. Raises ``Unreadable``."""
    space, layout = kernel.space, kernel.layout
    head = kernel.symbols["clocksource_list"]
    links, flags = layout.field("clocksource", "list").offset, layout.field("clocksource", "flags").offset
    names: list[str] = []
    node = space.u64(head)
    for _ in range(_MOST_CLOCKSOURCES):
        if node == head:
            return tuple(names)
        if space.u64(node - links + flags) & _VALID_FOR_HIGH_RESOLUTION:
            names.append(clocksource_name(kernel, node - links))
        node = space.u64(node)
    raise Unreadable("the list of clocksources has no end")


def ticks_per_second(tick_ns: int) -> int | None:
    """HZ, from how long a tick is. ``None`` where that is near none of those that kernels are built with."""
    return next((hz for hz in _HZ if abs(tick_ns * hz - 10**9) < _MOST_BENT * 10**9), None)


def _long(kernel: Kernel, symbol: str) -> int | None:
    """A variable of 8 bytes; ``None`` where there is none."""
    try:
        return kernel.space.u64(kernel.symbols[symbol])
    except Unreadable:
        return None


def _number(kernel: Kernel, symbol: str) -> int | None:
    """A variable of 4 bytes; ``None`` where there is none."""
    try:
        return kernel.space.u32(kernel.symbols[symbol])
    except Unreadable:
        return None


def has_panicked(kernel: Kernel) -> bool:
    """Whether a CPU of the guest is in ``panic()``. Raises ``Unreadable``."""
    return kernel.space.i32(kernel.symbols["panic_cpu"]) != _NOT_PANICKED


def load(kernel: Kernel) -> tuple[float, ...]:
    """The load averages of 1, 5 and 15 minutes. Raises ``Unreadable``."""
    place = kernel.symbols["avenrun"]
    loads = tuple(kernel.space.u64(place + 8 * one) / (1 << _LOAD_BITS) for one in range(3))
    if any(one > _HIGHEST_LOAD for one in loads):
        raise Unreadable("the load averages are not believed")
    return tuple(round(one, 2) for one in loads)
