"""Looks for work that grows faster than the text: a piece is repeated, and the time for twice as much is measured.

``python -m tests.fuzzing.decoders.growth TARGET FOLDER SECONDS SEED``: where the code is instrumented times mean nothing. The texts are
those of ``FOLDER/TARGET``, where the one that is being tried lies in ``trying``; the exit code is the number of findings, which are
kept in ``FOLDER``.
"""

import random
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from tests.fuzzing.decoders.drawing import Draw, drawer
from tests.fuzzing.decoders.finding import Findings
from tests.fuzzing.decoders.targets import Feed, is_declared, targets

_FIRST_BYTES, _LAST_BYTES = 16 << 10, 1 << 20
_TOO_MUCH, _SUSPICIOUS = 3.5, 2.6
_LONG_S = 0.5
_NUMBER = re.compile(rb"\d+")
_MOST_PIECE = 2000
TRYING = "trying"


def search(
    feed: Feed, texts: Sequence[bytes], draw: Draw, rolls: random.Random, end_s: float
) -> Iterator[tuple[bytes, str]]:
    """Inputs of at most 1 MiB whose time grows like the square of their size, with words that say so.

    Ends at ``end_s`` (of the process's CPU time), at the latest after the input that is being tried.
    """
    known = [line for text in texts for line in text.split(b"\n") if line.strip()][:5000] or [b"a"]
    heads = [text[:_MOST_PIECE] for text in texts[:200]] or [b""]
    while time.process_time() < end_s:
        make = _repeated(_piece(known, draw, rolls), rolls.choice((b"", b"", rolls.choice(heads))), rolls)
        said = _grows(feed, make, end_s)
        if said:
            yield make(_LAST_BYTES), said


def _piece(known: list[bytes], draw: Draw, rolls: random.Random) -> bytes:
    """A line, part of one, or what a pattern looks for."""
    line = rolls.choice(known)[:_MOST_PIECE] if rolls.random() < 0.6 else draw(rolls)
    if rolls.random() < 0.4:
        at = rolls.randrange(len(line) + 1)
        line = line[at : at + rolls.choice((1, 2, 4, 16, 64))]
    return line or b" "


def _repeated(piece: bytes, head: bytes, rolls: random.Random) -> Callable[[int], bytes]:
    """Text of a size: the piece over and over, in one line or in many, the same or each with a number of its own."""
    between = rolls.choice((b"", b" ", b"\n", b"\n", b"\n"))
    end = rolls.choice((b"", b"\n", b"!", b"\n\n"))
    numbered = rolls.random() < 0.4 and _NUMBER.search(piece)
    place = rolls.choice(list(_NUMBER.finditer(piece))) if numbered else None

    def make(size: int) -> bytes:
        count = max(1, (size - len(head)) // (len(piece) + len(between)))
        if place is None:
            return head + between.join([piece] * count) + end
        before, after = piece[: place.start()], piece[place.end() :]
        return head + between.join(b"%b%d%b" % (before, 1000 + n, after) for n in range(count)) + end

    return make


def _grows(feed: Feed, make: Callable[[int], bytes], end_s: float) -> str:
    """Words where twice the text takes more than 3.5 times as long, twice measured, and long; else empty."""
    size, took_s = _FIRST_BYTES, _cpu_s(feed, make(_FIRST_BYTES))
    while size < _LAST_BYTES and time.process_time() < end_s:
        before_s, size = took_s, size * 2
        if before_s * (_LAST_BYTES / (size / 2)) ** 2 < _LONG_S:
            return ""  # even as a square it would not be long
        took_s = _cpu_s(feed, make(size))
        ratio = took_s / max(before_s, 1e-6)
        if took_s > _LONG_S and ratio > _TOO_MUCH and _again(feed, make, size):
            return f"{size // 2} bytes took {before_s:.2f} s of CPU time, {size} bytes {took_s:.2f} s"
        if ratio < _SUSPICIOUS and size >= 4 * _FIRST_BYTES:
            return ""
    return ""


def _again(feed: Feed, make: Callable[[int], bytes], size: int) -> bool:
    half, whole = make(size // 2), make(size)
    half_s = max(_cpu_s(feed, half) for _ in range(2))
    whole_s = min(_cpu_s(feed, whole) for _ in range(2))
    return whole_s > _LONG_S and whole_s / max(half_s, 1e-6) > _TOO_MUCH


def _cpu_s(feed: Feed, text: bytes) -> float:
    began_s = time.thread_time()
    try:
        for _ in feed(text):
            pass
    except Exception as error:
        if not is_declared(error):
            raise
    return time.thread_time() - began_s


def main(name: str, folder: Path, seconds: float, seed: int) -> int:
    """Look at one target; how many findings there are."""
    end_s = time.process_time() + seconds
    target = next(one for one in targets() if one.name == name)
    files = [path for part in ("seeds", "corpus") for path in sorted((folder / name / part).iterdir())[:500]]
    findings, texts = Findings(folder, name), [path.read_bytes() for path in files]
    trying = folder / name / TRYING

    def feed(data: bytes) -> Iterable[object]:
        trying.write_bytes(data)
        return target.feed(data)

    found = search(feed, texts, drawer(target), random.Random(seed), end_s)
    try:
        return min(sum(findings.keep_slow(data, words) for data, words in found), 60)
    except Exception as error:  # noqa: BLE001 - whatever is raised is what we look for
        return int(findings.keep_error(trying.read_bytes(), error))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])))
