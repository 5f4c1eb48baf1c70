"""A lease time as a person writes it, as seconds, and as libvirt's ``<lease>``."""

import re

from crazytrain.model.errors import BadInput
from crazytrain.model.xml_element import XmlElement

SHORTEST_S = 120  # libvirt refuses less (src/conf/network_conf.c); dnsmasq would make 2 minutes of it
LONGEST_S = 2**31 - 1  # dnsmasq reckons with an int; more would be another time than the one asked for
DEFAULT = "default"
_NEVER = ("infinite", "never", "0")
_FORM = re.compile(r"(?P<sign>[-+]?)(?P<number>\d{1,12})\s*(?P<unit>[A-Za-z]*)")
_UNITS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("w", "week", "weeks"), 604_800),
}
_EXAMPLES = "Say it with a unit: 90m, 24h, 7d; 'infinite' for never; 'default' to set none."


def parsed(text: str) -> int | None:
    """Seconds, 0 for infinite, ``None`` for no lease time at all (dnsmasq's own then applies).

    Raises:
        BadInput: no number, no unit that is known, below libvirt's minimum or above what dnsmasq counts.

    >>> parsed("24h"), parsed("infinite"), parsed("default")
    (86400, 0, None)
    """
    word = text.strip()
    if word.lower() in _NEVER:
        return 0
    if word.lower() == DEFAULT:
        return None
    found = _FORM.fullmatch(word)
    if not found:
        raise BadInput(f"{text!r} is no lease time", _EXAMPLES)
    if found["sign"] == "-":
        raise BadInput(f"{text!r}: a lease time cannot be negative", _EXAMPLES)
    if not found["unit"]:
        raise BadInput(f"{text!r} has no unit: seconds, minutes, hours or days?", _EXAMPLES)
    factor = _UNITS.get(found["unit"].lower())
    if factor is None:
        raise BadInput(
            f"{text!r}: the unit {found['unit']!r} is not known", "Units are s, m, h, d and w: 90m, 24h, 7d."
        )
    return _within(int(found["number"]) * factor, text)


def _within(seconds: int, text: str) -> int:
    if seconds == 0:
        return 0
    if seconds < SHORTEST_S:
        raise BadInput(
            f"{text!r} is below libvirt's minimum of {SHORTEST_S} s (2 minutes)",
            "Give 2m or more: 24h suits most networks.",
        )
    if seconds > LONGEST_S:
        raise BadInput(
            f"{text!r} is longer than dnsmasq can count ({LONGEST_S} s, 68 years)", "Say 'infinite' instead."
        )
    return seconds


def lease_element(seconds: int | None) -> XmlElement | None:
    """The ``<lease>`` for it, in the largest of libvirt's units that says it exactly (it knows no days).

    >>> lease_element(86_400).written()
    "<lease expiry='24' unit='hours'/>"
    """
    if seconds is None:
        return None
    if seconds == 0:
        return XmlElement(name="lease", attributes=(("expiry", "0"),))
    unit, factor = next((u, f) for u, f in (("hours", 3600), ("minutes", 60), ("seconds", 1)) if seconds % f == 0)
    return XmlElement(name="lease", attributes=(("expiry", str(seconds // factor)), ("unit", unit)))
