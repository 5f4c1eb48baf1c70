"""Changes that keep a text's form: of lines, of the numbers in them, of JSON, of the parts of a bundle."""

import json
import random
import re
from collections.abc import Callable, Sequence

from crazytrain.model import bundle
from tests.fuzzing.decoders.drawing import Draw

_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?|0x[0-9a-f]+", re.IGNORECASE)
_NUMBERS = (
    b"0", b"-1", b"1", b"00000000000000000000", b"4294967295", b"4294967296", b"9223372036854775807", b"9223372036854775808",
    b"18446744073709551615", b"18446744073709551616", b"1e308", b"1e999", b"-1e999", b"nan", b"inf", b"0.0", b"-0", b"1.5",
    b"1,5", b"0x", b"0xffffffffffffffff", b"ffffffffffffffff", b"9" * 30, b"9" * 400, b"9" * 5000, "\u00b2".encode(),
    "\u0663".encode(), b"1_0", b"+1",
)  # fmt: skip
_VALUES: tuple[object, ...] = (
    None, True, False, 0, -1, 1, 0.5, -0.0, 1e308, 2**31, 2**32, 2**53 + 1, 2**63, 2**64, 10**30, -(2**63) - 1, "", "x", "0", "-1",
    "0xffffffffffffffff", "\ud7ff", "\u0000", "\u001b[31m", "x" * 3000, [], {}, [[]], [{}], {"": None}, [None], [0] * 50,
)  # fmt: skip
_JOINTS = (
    b" ",
    b"  ",
    b"\t",
    b",",
    b":",
    b"=",
    b"(",
    b")",
    b"[",
    b"]",
    b"{",
    b"}",
    b"<",
    b">",
    b'"',
    b"'",
    b"\\",
    b"\r",
    b"\0",
    b"\xff",
    b"\xc2\xa0",
    b"%",
    b"-",
    b"/",
)


def changed(data: bytes, rolls: random.Random, draw: Draw, most: int) -> bytes:
    """Change a text by its form, at most ``most`` bytes long; ``draw`` gives what a decoder looks for."""
    for _ in range(rolls.choice((1, 1, 2, 4))):
        data = _form(data, rolls)(data, rolls, draw)
    return data[:most]


def _form(data: bytes, rolls: random.Random) -> Callable[[bytes, random.Random, Draw], bytes]:
    if data.startswith(b"==> ") and rolls.random() < 0.8:
        return _in_bundle
    if data.lstrip()[:1] in (b"{", b"[") and rolls.random() < 0.8:
        return _in_json
    return _in_lines


def _in_bundle(data: bytes, rolls: random.Random, draw: Draw) -> bytes:
    parts = list(bundle.unpack(data))
    if not parts:
        return _in_lines(data, rolls, draw)
    place = rolls.randrange(len(parts))
    part = parts[place]
    match rolls.randrange(6):
        case 0:
            parts.pop(place)
        case 1:
            parts.insert(rolls.randrange(len(parts)), part)
        case 2:
            name = part.name.encode("utf-8", "replace")
            parts[place] = bundle.Part(
                _in_line(name, rolls, draw).decode("utf-8", "replace")[:300], part.data, part.outcome
            )
        case _:
            parts[place] = bundle.Part(part.name, changed(part.data, rolls, draw, 1 << 16), part.outcome)
    return bundle.pack(parts)


def _in_json(data: bytes, rolls: random.Random, draw: Draw) -> bytes:
    """One value of a document, or of one line of a document each."""
    whole = _parsed(data)
    if whole is not None:
        return _written(_in_value(whole, rolls, draw, 0))
    lines = data.split(b"\n")
    place = rolls.randrange(len(lines))
    value = _parsed(lines[place])
    if value is None or rolls.random() < 0.2:
        return _in_lines(data, rolls, draw)
    lines[place] = _written(_in_value(value, rolls, draw, 0))
    return b"\n".join(lines)


def _parsed(text: bytes) -> object:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def _written(value: object) -> bytes:
    try:
        return json.dumps(value, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return b"[" * 2000


def _in_value(value: object, rolls: random.Random, draw: Draw, depth: int) -> object:
    """Another value in a random place within."""
    if isinstance(value, dict) and value and rolls.random() < 0.9:
        return _in_object(dict(value), rolls, draw, depth)
    if isinstance(value, list) and value and rolls.random() < 0.9:
        return _in_array(list(value), rolls, draw, depth)
    if isinstance(value, str) and rolls.random() < 0.6:
        return changed(value.encode("utf-8", "replace"), rolls, draw, 1 << 14).decode("utf-8", "replace")
    if isinstance(value, int) and rolls.random() < 0.3:
        return value + rolls.choice((-1, 1, 2**32, -value, 1000))
    nested: object = []
    for _ in range(rolls.choice((0, 0, 0, 3, 300))):
        nested = [nested]
    return rolls.choice((*_VALUES, nested, draw(rolls).decode("utf-8", "replace")))


def _in_object(value: dict[str, object], rolls: random.Random, draw: Draw, depth: int) -> object:
    key = rolls.choice(list(value))
    match rolls.randrange(10):
        case 0:
            del value[key]
        case 1:
            value[draw(rolls).decode("utf-8", "replace")] = value[key]
        case 2:
            value[key] = value[rolls.choice(list(value))]
        case _:
            value[key] = _in_value(value[key], rolls, draw, depth + 1)
    return value


def _in_array(value: list[object], rolls: random.Random, draw: Draw, depth: int) -> object:
    place = rolls.randrange(len(value))
    match rolls.randrange(10):
        case 0:
            del value[place]
        case 1:
            value.insert(rolls.randrange(len(value)), value[place])
        case 2:
            value[place] = rolls.choice(value)
        case _:
            value[place] = _in_value(value[place], rolls, draw, depth + 1)
    return value


def _in_lines(data: bytes, rolls: random.Random, draw: Draw) -> bytes:
    lines = data.split(b"\n")
    place, other = rolls.randrange(len(lines)), rolls.randrange(len(lines))
    match rolls.randrange(12):
        case 0:
            del lines[place : place + rolls.choice((1, 1, 3, 10))]
        case 1:
            lines[other:other] = lines[place : place + rolls.choice((1, 1, 3, 10))]
        case 2:
            lines[place], lines[other] = lines[other], lines[place]
        case 3:
            lines.insert(place, draw(rolls))
        case 4:
            lines[place] = lines[place][: rolls.randrange(len(lines[place]) + 1)] + lines[other]
        case 5:
            cut = rolls.randrange(len(lines[place]) + 1)
            lines[place : place + 1] = [lines[place][:cut], lines[place][cut:]]
        case 6:
            lines[place] = rolls.choice((b"> ", b"   ", b"\t", b"$ ", b"\x1b[31m", b"12:", b"- ")) + lines[place]
        case _:
            lines[place] = _in_line(lines[place], rolls, draw)
    return b"\n".join(lines)


def _in_line(line: bytes, rolls: random.Random, draw: Draw) -> bytes:
    numbers: Sequence[re.Match[bytes]] = list(_NUMBER.finditer(line))
    if numbers and rolls.random() < 0.4:
        found = rolls.choice(numbers)
        return line[: found.start()] + rolls.choice(_NUMBERS) + line[found.end() :]
    at = rolls.randrange(len(line) + 1)
    end = min(len(line), at + rolls.choice((0, 0, 1, 4, 16)))
    match rolls.randrange(6):
        case 0:
            return line[:at] + line[end:]
        case 1:
            return line[:at] + line[at:end] * rolls.choice((2, 3, 50)) + line[end:]
        case 2:
            return line[:at] + bytes([rolls.randrange(256)]) + line[end:]
        case 3:
            return line[:at] + rolls.choice(_JOINTS) * rolls.choice((1, 1, 2, 40)) + line[end:]
    return line[:at] + draw(rolls) + line[end:]
