"""Text that is too large to keep is read as a stream; it says the same as the small text that it would be."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from io import BufferedReader, BytesIO, RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from crazytrain.cli import reading, streaming
from crazytrain.cli.sources import Source
from crazytrain.cli.streaming import read_stream
from crazytrain.decode.recognise import split
from crazytrain.host.workers import Workers
from crazytrain.model.errors import BadInput
from crazytrain.model.evidence import Evidence, Kind
from crazytrain.model.facts.syscalls import SyscallUse, TraceStory
from crazytrain.pipeline import read
from tests.decode.pasted import case, sample

if TYPE_CHECKING:
    from typing_extensions import Buffer

F = sample("strace-f.txt")
TT = sample("strace-tt-T.txt")
LISTING = sample("ls-fd.txt")
JUNK = bytes(range(1, 9)) + b"\x7f\xfe\xff\0" * 3
TEXTS = {
    "one thread": case("strace.txt") * 40,
    "threads": F * 30,
    "times": TT * 20,
    "file of threads": sample("strace-f-o.txt") * 20,
    "lines end as on Windows": (F * 10).replace(b"\n", b"\r\n"),
    "cut off in its last line": (F * 10)[:-25],
    "no line end": (TT * 10).rstrip(b"\n"),
    "junk within a line": F * 3 + F[:400] + JUNK + F[400:] + F * 3,
    "junk lines": F * 3 + JUNK + b"\n" + F * 3 + (JUNK + b"\n") * 9 + F,
    "other kinds around": b"# fds\n" + LISTING + b"\n" + F * 9 + b"\n# again\n" + LISTING + b"\n# next\n" + TT * 9,
    "text before and behind": b"Dear all,\nlook at this:\n" * 40 + F * 9 + b"\nWhat is it?\n" * 90,
    "broken by a mailer": F * 3
    + b"\n".join(part for one in F.split(b"\n") for part in (one[:76], one[76:]) if part)
    + F,
    "quoted": b"".join(b"> " + line + b"\n" for line in (F * 4).split(b"\n")),
    "a prompt and its command": b"root@host:~# strace -f -p 4711\n" + F * 9 + b"root@host:~# \n" + F,
}


def facts(evidence: tuple[Evidence, ...], known: tuple[object, ...] = ()) -> list[object]:
    return sorted(read(evidence, known).facts, key=repr)


def streamed(data: bytes, workers: int = 0) -> list[object]:
    found = read_stream(Source("t.txt", BytesIO(data)), lambda _: None, workers)
    return facts(found.evidence, found.facts)


@pytest.mark.parametrize("size", [300, 5_000, 1 << 19])
@pytest.mark.parametrize("name", TEXTS)
def test_a_stream_says_what_the_kept_text_says(name: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "BLOCK_BYTES", size)
    found = streamed(TEXTS[name])
    assert found == facts(split("t.txt", TEXTS[name]))
    assert {SyscallUse, TraceStory} <= {type(fact) for fact in found}


@pytest.mark.parametrize("name", TEXTS)
def test_other_processes_say_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "BLOCK_BYTES", 2_000)
    assert streamed(TEXTS[name], workers=2) == facts(split("t.txt", TEXTS[name]))


def test_calls_that_return_in_a_later_block_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = b"".join(b"[pid %d] read(%d, <unfinished ...>\n" % (tid, tid) for tid in range(100, 120))
    ended = b"".join(b'[pid %d] <... read resumed>"a", 9) = 1\n' % tid for tid in range(100, 120))
    data = begun + b'[pid 7] write(1, "b", 1) = 1\n' * 500 + ended
    monkeypatch.setattr(streaming, "BLOCK_BYTES", 200)
    for workers in (0, 2):
        (use,) = [fact for fact in streamed(data, workers) if isinstance(fact, SyscallUse)]
        assert sorted((c.tid, c.fd, c.count) for c in use.calls) == [
            (7, 1, 500),
            *((tid, tid, 1) for tid in range(100, 120)),
        ]


def test_files_and_standard_input_are_read_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large = tmp_path / "large.txt"
    large.write_bytes(F * 200)
    kept = reading.read_all([large, large])
    monkeypatch.setattr(reading, "SMALL_BYTES", 1000)
    monkeypatch.setattr(streaming, "BLOCK_BYTES", 5000)
    (streamed_report,) = reading.read_all([large, large])
    assert streamed_report.verdict == kept[0].verdict
    assert streamed_report.findings == kept[0].findings
    with large.open("rb") as file:
        monkeypatch.setattr(sys, "stdin", type("Stdin", (), {"buffer": file}))
        (piped,) = reading.read_all([None])
    assert piped.verdict.cause == kept[0].verdict.cause


class Endless(RawIOBase):
    """A text of as many bytes as one likes; it counts what was taken of it."""

    def __init__(self, piece: Callable[[int], bytes], pieces: int) -> None:
        self._piece = piece
        self._pieces = pieces
        self._left = b""
        self.given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, room: "Buffer", /) -> int:
        view = memoryview(room)
        if not self._left and self.given < self._pieces:
            self._left = self._piece(self.given)
            self.given += 1
        size = min(len(view), len(self._left))
        view[:size], self._left = self._left[:size], self._left[size:]
        return size


def test_an_endless_line_is_refused_soon() -> None:
    text = Endless(lambda _: b'read(7, "' + b"x" * (1 << 16), 1 << 14)
    with pytest.raises(BadInput, match="longer than a MiB"):
        read_stream(Source("t.txt", BufferedReader(text)), lambda _: None)
    assert text.given << 16 < 4 << 20


def test_calls_without_number_need_no_memory_without_end() -> None:
    lines = 40_000
    text = Endless(lambda step: b"".join(b"call%d_%d(1) = 0\n" % (step, at) for at in range(1000)), lines // 1000)
    found = read_stream(Source("t.txt", BufferedReader(text)), lambda _: None, workers=0)
    (use,) = [fact for fact in found.facts if isinstance(fact, SyscallUse)]
    (story,) = [fact for fact in found.facts if isinstance(fact, TraceStory)]
    assert story.calls + story.unread == story.lines == lines
    assert len(use.calls) == 20_000


def test_a_worker_that_dies_takes_nothing_away() -> None:
    workers = Workers(_dying, 2, 100)
    results = []
    try:
        workers.start()
        for step in range(6):
            workers.slot()[:4] = b"%04d" % step
            workers.give(4, step)
        while workers.waiting:
            block, note, result = workers.take()
            assert bytes(block) == b"%04d" % note
            results.append((note, result))
    finally:
        workers.close()
    assert [note for note, _ in results] == list(range(6))
    assert [result for _, result in results[1::2]] == [b"0001", b"0003", b"0005"]
    assert {result for _, result in results[::2]} <= {None, b"0000"}


def _dying() -> Callable[[bytes, int], bytes]:
    def work(block: bytes, note: int) -> bytes:
        if note == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return block

    return work


@pytest.fixture
def busy() -> Iterator[subprocess.Popen[bytes]]:
    """A process that reads a large text from a pipe in which no more comes."""
    command = (sys.executable, "-m", "crazytrain", "explain", "-")
    pipes = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipes, stdout=pipes, stderr=pipes) as process:
        assert process.stdin is not None
        process.stdin.write(F * ((9 << 20) // len(F)))
        process.stdin.flush()
        yield process
        process.kill()


def eventually(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_workers_end_with_us(busy: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("with one CPU there are no workers")
    eventually(lambda: len(children(busy.pid)) == 2)
    pids = children(busy.pid)
    busy.send_signal(number)
    assert busy.wait(20) != 0
    eventually(lambda: not any(alive(pid) for pid in pids))
    assert busy.stderr is not None
    assert b"Traceback" not in busy.stderr.read()


def test_evidence_that_was_not_kept_says_so() -> None:
    found = read_stream(Source("t.txt", BytesIO(F * 30)), lambda _: None, 0)
    (trace,) = [one for one in found.evidence if one.kind is Kind.STRACE]
    assert trace.data == b""
    assert f"lines 1 to {F.count(bytes((10,))) * 30}" in trace.detail
