"""Every text and every number of a value.

To clean what goes to disk, to mask what leaves the house, to bound what comes in.
"""

from collections.abc import Callable, Iterator
from enum import Enum
from typing import TypeVar, cast

import msgspec

T = TypeVar("T")


def each_text(value: T, change: Callable[[str], str]) -> T:
    """The same value with every text in it changed: texts, and texts in structs and tuples. Enums and bytes stay."""
    return cast("T", _changed(value, change))


def _changed(value: object, change: Callable[[str], str]) -> object:
    if isinstance(value, str) and not isinstance(value, Enum):
        return change(value)
    if isinstance(value, tuple):
        return tuple(_changed(item, change) for item in value)
    if isinstance(value, msgspec.Struct):
        fields = {name: _changed(getattr(value, name), change) for name in value.__struct_fields__}
        return msgspec.structs.replace(value, **fields)
    return value


def all_texts(value: object) -> Iterator[str]:
    """Every text of a value, in texts, structs and tuples."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from all_texts(item)
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from all_texts(getattr(value, name))


def numbers(value: object) -> Iterator[int]:
    """Every whole number of a value."""
    if isinstance(value, int):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from numbers(item)
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from numbers(getattr(value, name))


def encodable(text: str, limit: int) -> str:
    """A text that UTF-8 can hold, at most ``limit`` characters.

    Lone surrogates (bytes of no known text) become escapes.
    """
    return text.encode("utf-8", "backslashreplace").decode()[:limit]
