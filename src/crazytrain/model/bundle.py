"""Bundle: several small files in one evidence, readable by people and exact for machines.

Each part is a header line with name, size and, where it could not be read, how that ended::

    ==> task/4711/comm (10 bytes) <==
    CPU 0/TCG
    ==> task/4711/schedstat denied <==

The size makes hostile content harmless: a part that holds a line like a header is still one part. Text of
``tail -n +1 FILE...`` (headers without sizes) is read, too.
"""

import re
from collections.abc import Iterable, Iterator

import msgspec

from crazytrain.model.evidence import Outcome

# Bounded, so that neither a long line nor a long number of hostile text costs more than reading it.
_HEADER = re.compile(
    rb"==> (?P<name>[^\n]{1,400}?)(?: \((?P<size>\d{1,12}) bytes\)| (?P<outcome>absent|denied|timed out|broke))? <==\n"
)


class Part(msgspec.Struct, frozen=True):
    """One file of a bundle. ``outcome`` is ``OK`` or why there is no data."""

    name: str
    data: bytes = b""
    outcome: Outcome = Outcome.OK
    line: int = 1

    @property
    def text(self) -> str:
        """The data as text; bytes that are no UTF-8 are kept as escapes."""
        return self.data.decode("utf-8", "backslashreplace")


def pack(parts: Iterable[Part]) -> bytes:
    """Write parts as one bundle."""
    return b"".join(_written(part) for part in parts)


def _written(part: Part) -> bytes:
    name = part.name.replace("\n", "\\n").encode()
    if part.outcome is not Outcome.OK:
        return b"==> %b %b <==\n" % (name, part.outcome.value.encode())
    end = b"" if part.data.endswith(b"\n") else b"\n"
    return b"==> %b (%d bytes) <==\n%b%b" % (name, len(part.data), part.data, end)


def unpack(data: bytes) -> Iterator[Part]:
    """Read the parts of a bundle, with the line at which each one's content begins. Text before the first header is
    skipped.
    """
    found = _HEADER.search(data)
    line, counted = 1, 0
    while found:
        line, counted = line + data.count(b"\n", counted, found.end()), found.end()
        size = found["size"]
        following = None if size else _HEADER.search(data, found.end())
        end = found.end() + int(size) if size else following.start() if following else len(data)
        outcome = Outcome(found["outcome"].decode()) if found["outcome"] else Outcome.OK
        name = found["name"].decode("utf-8", "backslashreplace")
        yield Part(name, data[found.end() : end], outcome, line)
        found = _HEADER.search(data, end)
