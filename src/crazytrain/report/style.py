"""Styled lines: text with what it is, so that a terminal may colour it and a file need not."""

import textwrap
from collections.abc import Iterator

import msgspec


class Line(msgspec.Struct, frozen=True):
    """One line and how it may look: title, verdict, good, bad, dim, command, row (of a table) or plain."""

    text: str
    style: str = "plain"


def wrapped(one: Line, width: int) -> Iterator[Line]:
    """Wrap a line between words, so that what follows hangs under its text."""
    body = one.text.lstrip(" ")
    indent = len(one.text) - len(body)
    hang = " " * (indent + (2 if body[:2] in ("+ ", "- ", "· ", "$ ") else 0))
    if one.style in ("command", "row") or len(one.text) <= width:
        yield one
        return
    for text in textwrap.wrap(one.text, width, initial_indent="", subsequent_indent=hang, break_on_hyphens=False):
        yield Line(text, one.style)
