"""What must hold of facts, whatever the bytes were: they are bounded, and numbers are numbers."""

import math
from collections.abc import Iterable, Iterator

import msgspec

LONGEST_TEXT = 64 * 1024
MOST_TEXT = 1 << 20
MOST_VALUES = 100_000
_TEXT_PER_BYTE, _VALUES_PER_BYTE = 16, 16


class Unsound(AssertionError):
    """A fact that no reader of facts may be given."""


def judge(facts: Iterable[object], size: int) -> None:
    """Look at every value within facts that came of ``size`` bytes.

    Raises:
        Unsound: a number that is none, a text that is too long, or more of both than such an input can hold.
    """
    text = values = 0
    for fact in facts:
        for value in _within(fact):
            values += 1
            if isinstance(value, str | bytes):
                text += len(value)
                if len(value) > LONGEST_TEXT:
                    raise Unsound(f"{type(fact).__name__} holds a text of {len(value)} characters")
            elif isinstance(value, float) and not math.isfinite(value):
                raise Unsound(f"{type(fact).__name__} holds the number {value}")
    if text > MOST_TEXT + _TEXT_PER_BYTE * size or values > MOST_VALUES + _VALUES_PER_BYTE * size:
        raise Unsound(f"{size} bytes became {values} values with {text} characters")


def _within(value: object) -> Iterator[object]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, msgspec.Struct):
            waiting.extend(getattr(one, name) for name in one.__struct_fields__)
        elif isinstance(one, dict):
            waiting.extend(one)
            waiting.extend(one.values())
        elif isinstance(one, list | tuple | set | frozenset):
            waiting.extend(one)
        else:
            yield one
