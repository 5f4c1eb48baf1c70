"""How figures are written for people, the same everywhere."""


def share(ratio: float) -> str:
    """A share of one CPU or of a whole: ``81 %``; small ones keep one digit."""
    percent = ratio * 100
    return f"{percent:.0f} %" if percent >= 10 or percent == 0 else f"{percent:.1f} %"


def rate(per_s: float) -> str:
    """A rate: ``8,191/s``; small ones keep one digit."""
    return f"{per_s:,.0f}/s" if per_s >= 10 or per_s == 0 else f"{per_s:.1f}/s"


def span(ns: float) -> str:
    """A length of time, in the unit that keeps it short: ``122 µs``, ``2.5 ms``, ``5 s``, ``1 h 0 min``."""
    sign, size = ("-", -ns) if ns < 0 else ("", ns)
    for unit, factor in (("ns", 1.0), ("µs", 1e3), ("ms", 1e6)):
        if size < factor * 1000:
            return f"{sign}{size / factor:.3g} {unit}"
    seconds = size / 1e9
    if seconds < 120:
        return f"{sign}{seconds:.3g} s"
    minutes = int(seconds // 60)
    if minutes < 120:
        return f"{sign}{minutes} min {seconds - minutes * 60:.0f} s"
    hours, days = minutes // 60, minutes // 1440
    if days < 2:
        return f"{sign}{hours} h {minutes % 60} min"
    return f"{sign}{days:,} days" if days < 3650 else f"{sign}{days / 365.25:,.0f} years"


def size(count: int) -> str:
    """A number of bytes: ``256 MiB``."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if amount < 1024 or unit == "TiB":
            return f"{amount:.0f} {unit}" if amount >= 10 or amount == int(amount) else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{count} B"


def count(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun: ``1 line``, ``12 lines``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
