"""What a command's reader gets, and whom a single word names."""

from collections.abc import Callable, Sequence

import msgspec

from crazytrain.collect.command_line_words import with_values
from crazytrain.host.door import Host
from crazytrain.model.guest import Guest

Tell = Callable[[str], None]


class Asked(msgspec.Struct, frozen=True):
    """One command, and what there is to find out whom it means."""

    host: Host
    guests: Sequence[Guest]
    program: str
    words: Sequence[str]
    tell: Tell
    depth: int


def by_word(guests: Sequence[Guest], word: str, *, pids: bool) -> list[Guest]:
    """Guests whose whole name, uuid (with or without dashes, in either case) or pid this is."""
    low = word.lower().replace("-", "")
    return [
        guest
        for guest in guests
        if word
        and (
            guest.name == word
            or (guest.uuid and guest.uuid.lower().replace("-", "") == low)
            or (pids and str(guest.pid) == word)
        )
    ]


async def whole_words(asked: Asked) -> list[Guest]:
    """Guests whose name, uuid or pid is a word of the command, or an option's value: for commands that nobody knows."""
    return [guest for word in with_values(asked.words) for guest in by_word(asked.guests, word, pids=True)]
