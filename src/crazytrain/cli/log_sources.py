"""Where the lines of a log come from: files in the order in which they were written, standard input, text that was fetched."""

import codecs
import io
import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple, cast

import msgspec
import zstandard

from crazytrain.cli.sources import Source, is_file, is_folder, opened
from crazytrain.decode.log_journal import Form, Journal, Pair, form_of
from crazytrain.model.errors import BadInput, NotAllowed

BLOCK_BYTES = 1 << 20
_HEAD_BYTES = 8 << 10
_JOURNAL_FILE = b"LPKSHHRH"
_ROTATED = re.compile(
    r"(?P<stem>.+?)(?:[.-](?P<date>\d{8}(?:-\d{1,10})?))?(?:\.(?P<number>\d{1,4}))?(?:\.(?:gz|xz|bz2|zst))?"
)
_BOMS = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


class LogInput(msgspec.Struct, frozen=True, kw_only=True):
    """One source of lines: a file, bytes that are there already, or (neither) standard input.

    ``until_s``: when it was written last, for stamps without a year.
    """

    name: str
    until_s: float
    path: Path | None = None
    data: bytes | None = None


class Block(NamedTuple):
    """Whole lines; or pairs of lines and what they were in a journal; ``begins`` and ``goes_on``: a piece of a line that is too long."""

    data: bytes
    pairs: list[Pair] | None = None
    begins: bool = False
    goes_on: bool = False


def inputs_of(paths: Iterable[Path], *, rotated: bool) -> tuple[LogInput, ...]:
    """Files in the order in which they were written, the oldest first: ``syslog.2.gz``, ``syslog.1``, ``syslog``.

    Files of other names stay where they were given. With ``rotated`` those beside each are taken, too.
    """
    given = [path for one in paths for path in ((*_beside(one), one) if rotated else (one,))]
    stems = list(dict.fromkeys(_stem(path) for path in given))
    ordered = sorted(dict.fromkeys(given), key=lambda path: (stems.index(_stem(path)), _age(path)))
    return tuple(LogInput(name=str(path), until_s=_written_s(path), path=path) for path in ordered)


def _beside(path: Path) -> Iterator[Path]:
    try:
        names = sorted(one.name for one in path.parent.iterdir())
    except OSError:
        return
    for name in names:
        other = path.parent / name
        if name != path.name and _stem(other) == _stem(path) and other.is_file():
            yield other


def _stem(path: Path) -> str:
    found = _ROTATED.fullmatch(path.name)
    return str(path.parent / (found["stem"] if found else path.name))


def _age(path: Path) -> tuple[int, str, int]:
    """The oldest is the least: by date where names have one, else by number, which grows with age; the one without either is written now."""
    found = _ROTATED.fullmatch(path.name)
    if found is None or not (found["date"] or found["number"]):
        return 1, "", 0
    return 0, found["date"] or "", -int(found["number"] or 0)


def is_there(path: Path) -> bool:
    """Whether there is anything of that name; a name that is too long is none."""
    try:
        return path.exists()
    except OSError:
        return False


def _written_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return time.time()


class Spool:
    """What can be read once only, kept (packed, in a file without a name) so that it can be read twice."""

    def __init__(self, source: Source) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as we do
        self.complete = True
        with zstandard.ZstdCompressor(level=1).stream_writer(cast("IO[bytes]", self._file), closefd=False) as packed:
            try:
                room = memoryview(bytearray(BLOCK_BYTES))
                while size := source.readinto(room):
                    packed.write(room[:size])
            except KeyboardInterrupt:
                self.complete = False
        self._file.flush()
        self.problem = source.problem

    def close(self) -> None:
        """Let it go."""
        self._file.close()

    def opened(self, name: str) -> Source:
        """It, from its beginning."""
        again = os.open(f"/proc/self/fd/{self._file.fileno()}", os.O_RDONLY | os.O_CLOEXEC)
        return Source(name, cast("io.BufferedIOBase", os.fdopen(again, "rb")))


def spool_of(one: LogInput) -> Spool | None:
    """A spool of standard input, or of a pipe; ``None`` where it can be read as often as one likes."""
    if one.data is not None or (one.path is not None and (not is_there(one.path) or is_file(one.path))):
        return None
    with _opened(one, None) as source:
        return Spool(source)


class LogReader:
    """Reads one source block by block. ``form`` is known once the first block was given; ``problem``: why it ended early."""

    def __init__(self, one: LogInput, spool: Spool | None = None) -> None:
        self.name = one.name
        self.form = Form.TEXT
        self.notes: list[str] = []
        self._spool = spool
        self._source = _opened(one, spool)
        self._decoder: codecs.IncrementalDecoder | None = None
        self._damaged = 0

    @property
    def problem(self) -> str:
        """Why it was not read to its end, or not whole."""
        spooled = self._spool.problem if self._spool else ""
        damaged = f"{self.name}: {self._damaged:,} entries of the journal are damaged" if self._damaged else ""
        return "; ".join(filter(None, (spooled, self._source.problem, damaged, *self.notes)))

    def progress(self) -> str:
        """How far it is."""
        return self._source.progress()

    def close(self) -> None:
        """Give the file back."""
        self._source.__exit__()

    def blocks(self) -> Iterator[Block]:
        """All of it."""
        head = self._source.read(_HEAD_BYTES)
        self._source.put_back(head)
        if head.startswith(_JOURNAL_FILE):
            raise BadInput(
                f"{self.name} is a journal file of systemd, which only journalctl reads",
                f"journalctl --file {self.name} -o export | crazytrain logs -",
            )
        self._decoder = self._wide(head)
        self.form = form_of(head)
        if self.form is Form.TEXT:
            yield from self._lines()
        else:
            yield from self._entries()

    def _wide(self, head: bytes) -> codecs.IncrementalDecoder | None:
        """A decoder where the text has two bytes a character."""
        name = next((name for mark, name in _BOMS if head.startswith(mark)), "")
        if not name and len(head) >= 64 and head[:1024].count(0) > 0.4 * len(head[:1024]):
            low, high = any(head[0:64:2]), any(head[1:64:2])
            name = "utf-16-le" if low and not high else "utf-16-be" if high and not low else ""
        if not name:
            return None
        self.notes.append(f"{self.name} is {name.upper()}; it was read as UTF-8, and so it is given back")
        return codecs.getincrementaldecoder(name)("replace")

    def _next(self) -> bytes:
        data = self._source.read(BLOCK_BYTES)
        if self._decoder:
            return self._decoder.decode(data, final=not data).encode("utf-8", "replace")
        return data

    def _lines(self) -> Iterator[Block]:
        rest, within = b"", False
        while data := self._next():
            data = rest + data
            rest = b""
            if within:
                end = data.find(b"\n") + 1
                yield Block(data[:end] if end else data, goes_on=True)
                within, data = not end, data[end:] if end else b""
            end = data.rfind(b"\n") + 1
            if end:
                yield Block(data[:end])
            rest = data[end:]
            if len(rest) >= BLOCK_BYTES:
                yield Block(rest, begins=True)
                rest, within = b"", True
        if rest:
            yield Block(rest)

    def _entries(self) -> Iterator[Block]:
        journal = Journal(self.form)
        while data := self._next():
            yield Block(data, journal.take(data))
        yield Block(b"", journal.take(b"", last=True))
        self._damaged = journal.damaged


def _opened(one: LogInput, spool: Spool | None) -> Source:
    if one.data is not None:
        return Source(one.name, io.BufferedReader(cast("io.RawIOBase", io.BytesIO(one.data))))
    if spool is not None:
        return spool.opened(one.name)
    if one.path is None:
        return opened(None, one.name)
    if is_folder(one.path):
        raise BadInput(f"{one.path} is a folder", f"crazytrain logs {one.path}/*")
    try:
        return opened(one.path, one.name)
    except BadInput as error:
        if isinstance(error.__cause__, PermissionError):
            raise NotAllowed(
                f"{one.path} may not be read: {error.__cause__.strerror}",
                "Logs are often readable for root or the group adm alone.",
            ) from error
        raise
