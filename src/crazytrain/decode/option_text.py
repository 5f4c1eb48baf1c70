"""Values of QEMU's options: ``key=value,key2=value2`` with doubled commas, or a JSON object; sizes with suffixes."""

import re
from collections.abc import Iterator

import msgspec

Pairs = tuple[tuple[str, str], ...]

_LONGEST_JSON = 64 * 1024
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<suffix>[bkmgtpe]?)(?:i?b)?", re.IGNORECASE)
_POWERS = {suffix: 1024**power for power, suffix in enumerate("bkmgtpe")}


def pairs_of(value: str) -> Pairs:
    """The settings of one option in order; a leading word without ``=`` has the key ``""``, a later one is ``on``.

    >>> pairs_of("guest=web,,01,debug-threads=on")
    (('guest', 'web,01'), ('debug-threads', 'on'))
    >>> pairs_of("pc-q35-7.2,accel=kvm,usb")
    (('', 'pc-q35-7.2'), ('accel', 'kvm'), ('usb', 'on'))
    """
    if value.startswith("{"):
        return tuple(_json_pairs(value))
    return tuple(_setting(i, text) for i, text in enumerate(split_commas(value)) if text)


def split_commas(value: str) -> list[str]:
    """Split at single commas; a doubled comma is one comma of the text (QEMU's own rule)."""
    return [piece.replace("\0", ",") for piece in value.replace(",,", "\0").split(",")]


def _setting(position: int, text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if equals:
        return key, value
    return ("", text) if position == 0 else (text, "on")


def _json_pairs(value: str) -> Iterator[tuple[str, str]]:
    """Leaves of a JSON object with dotted keys, as libvirt writes -blockdev, -object, -netdev and -device."""
    try:
        found = msgspec.json.decode(value[:_LONGEST_JSON])
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return
    waiting: list[tuple[str, object]] = [("", found)]
    while waiting:
        key, part = waiting.pop(0)
        if isinstance(part, dict):
            waiting += [(f"{key}.{name}" if key else str(name), inner) for name, inner in part.items()]
        elif isinstance(part, bool):
            yield key, "on" if part else "off"
        elif isinstance(part, str | int | float):
            yield key, str(part)


def first_of(pairs: Pairs, *keys: str) -> str:
    """The value of the last setting with one of these keys (the last one counts in QEMU), or ``""``."""
    return next((value for key, value in reversed(pairs) if key in keys), "")


def switch_of(text: str) -> bool | None:
    """``on``, ``yes``, ``off``, ``no`` and the like as a boolean, ``None`` for anything else."""
    return {"on": True, "yes": True, "true": True, "off": False, "no": False, "false": False}.get(text.lower())


def bytes_of(text: str, unit_bytes: int = 1024**2) -> int | None:
    """A size in bytes; a number without a suffix counts in ``unit_bytes`` (-m: MiB). ``None`` where it is no size.

    >>> bytes_of("2048"), bytes_of("1.5G"), bytes_of("4194304k")
    (2147483648, 1610612736, 4294967296)
    """
    found = _SIZE.fullmatch(text.strip())
    if not found or len(text) > 32:
        return None
    unit = _POWERS[found["suffix"].lower()] if found["suffix"] else unit_bytes
    return int(float(found["number"]) * unit)


def count_of(text: str) -> int | None:
    """A plausible number of things (vCPUs, sockets), or ``None``."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else None
