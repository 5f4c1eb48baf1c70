"""Files within an archive that are packed once more (rotated logs): unpacked in memory, bounded."""

import io
from collections.abc import Iterable, Iterator

import msgspec

from crazytrain.cli.archives import Member
from crazytrain.cli.choosing import PACKED_ONCE, Chooser
from crazytrain.cli.sources import Source, is_compressed

_MOST_BYTES = 64 << 20  # of one file
_STEP = 1 << 20


def unpacked(members: Iterable[Member], chooser: Chooser) -> Iterator[Member]:
    """The members, with those unpacked that a well-known tool has packed. What unpacks to too much is counted by the chooser.

    Of a long log the end is kept. One that is cut off or damaged gives what there was, and that is told.
    """
    for member in members:
        if PACKED_ONCE.search(member.name.lower()) and is_compressed(member.data):
            yield from _of(member, chooser)
        else:
            yield member


def _of(member: Member, chooser: Chooser) -> Iterator[Member]:
    bare = PACKED_ONCE.sub("", member.name)
    with Source(member.name, io.BufferedReader(io.BytesIO(member.data))) as source:
        data, size = _end_of(source, chooser.longest(bare))
    if size > _MOST_BYTES:
        chooser.bomb(member.name)
        return
    if source.problem:
        chooser.damaged(member.name)
    if data and chooser.takes(member.name, len(data)):
        yield msgspec.structs.replace(member, data=data, tail=size > len(data))


def _end_of(source: Source, most: int) -> tuple[bytes, int]:
    """The end of what it unpacks to, at most so much, and how much it unpacks to as far as that was looked at."""
    end, size = b"", 0
    while size <= _MOST_BYTES and (step := source.read(_STEP)):
        end, size = (end + step)[-most:], size + len(step)
    return end, size
