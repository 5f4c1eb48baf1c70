#!/usr/bin/env python3
"""How fast `crazytrain explain` reads large traces, against `mawk '{n[$1]++}'` over the same file in the same run.

Texts are repetitions of recorded ones (`bench/data`, and the trace of 2012) in which every time, duration, timeout, result,
offset and address differs from line to line, so that no line comes twice by design. Each is measured as a whole process: wall
time, CPU time of it and its children, and the peak of their resident memory.

    python -m bench.strace_speed [--mib 1024] [--rounds 3] [--text f-ttT] [--json FILE]
"""

import argparse
import contextlib
import itertools
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

TARGET_RATIO = 0.5
TARGET_MIB = 200
DATA = Path(__file__).parent / "data"
CASES = Path(__file__).parent.parent / "tests" / "cases"
TEXTS = {
    "f-ttT": ("strace -f -ttT", DATA / "strace-f-ttT.txt"),
    "p": ("strace -p (one thread, 2012)", CASES / "2012-crazy-train" / "strace.txt"),
    "f-o": ("strace -f -o", DATA / "strace-f-o.txt"),
}
_ROUNDS_OF_TEXT = 20  # how often a recorded text stands in one piece of the large one
_POOLS = {"step": 65_521, "took": 65_519, "address": 65_497, "result": 65_479, "ns": 65_449, "us": 65_447}
_NUMBERS = re.compile(
    rb"(?P<time>\d\d:\d\d:\d\d\.\d{6})|(?<=tv_nsec=)(?P<ns>\d+)|(?<=\{0, )(?P<us>\d+)(?=\})"
    rb"|<0\.(?P<took>\d{6})>|(?<=0x)(?P<address>[0-9a-f]{8,})|\)(?P<blanks> +)= (?P<result>\d+)(?=\n| \()"
)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One text: medians of the ratios of mawk's wall time to ours, and the largest memory."""

    text: str
    bytes: int
    lines: int
    mawk_s: float
    ours_s: float
    cpu_s: float
    ratio: float
    stdin_ratio: float
    peak_mib: float
    rounds: tuple[float, ...]


class Piece:
    """A recorded text as a template: its numbers are put in anew each time."""

    def __init__(self, text: bytes, seed: int) -> None:
        self._fields: list[str] = []
        self._at_us = 0
        self._draw = random.Random(seed)
        self._template = _NUMBERS.sub(self._field, (text * _ROUNDS_OF_TEXT).replace(b"%", b"%%"))
        self._numbers = {kind: self._pool(kind, size) for kind, size in _POOLS.items()}

    def _field(self, found: re.Match[bytes]) -> bytes:
        kind = str(found.lastgroup)
        self._fields.append(kind)
        if kind == "address":
            return found["address"][:-3] + b"%03x"
        if kind == "result":
            return b")" + found["blanks"] + b"= %d"
        return {"time": b"%b", "took": b"<0.%06d>"}.get(kind, b"%d")

    def _pool(self, kind: str, size: int) -> Iterator[int]:
        """Numbers that begin again after a prime of them, another one for each kind."""
        draws = [self._draw.random() for _ in range(size)]
        make: Callable[[float], float] = {
            "step": lambda draw: 20 + draw * 100,
            "took": lambda draw: 2 + 8 / (draw + 0.03),
            "address": lambda draw: int(draw * 16) * 0x48,
            "result": lambda draw: draw * 6 if draw < 0.5 else 8,
            "ns": lambda draw: 0 if draw < 0.3 else draw * 100_000,
            "us": lambda draw: 0 if draw < 0.3 else draw * 1_000_000,
        }[kind]
        return itertools.cycle([int(make(draw)) for draw in draws])

    def text(self) -> bytes:
        """The text with other numbers."""
        return self._template % tuple([self._clock() if k == "time" else next(self._numbers[k]) for k in self._fields])

    def _clock(self) -> bytes:
        self._at_us += next(self._numbers["step"])
        seconds, micros = divmod(self._at_us, 1_000_000)
        return b"%02d:%02d:%02d.%06d" % (seconds // 3600 % 24, seconds // 60 % 60, seconds % 60, micros)


def write_text(path: Path, recorded: Path, size: int) -> int:
    """Write a trace of that many bytes (whole lines, a little more); its lines."""
    piece, lines, written = Piece(recorded.read_bytes(), seed=1), 0, 0
    with path.open("wb") as file:
        while written < size:
            text = piece.text()
            written, lines = written + file.write(text), lines + text.count(b"\n")
    return lines


class Took(msgspec.Struct, frozen=True, kw_only=True):
    """One process: by the clock, CPU time of it and its children, and the sum of their largest resident sets."""

    wall_s: float
    cpu_s: float
    peak_mib: float = 0.0
    out: bytes = b""


def run(command: Sequence[str], stdin: BinaryIO | None = None) -> Took:
    """Run a command and watch its memory."""
    before, begin = os.times(), time.monotonic()
    with subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        peaks: dict[int, int] = {}
        watcher = threading.Thread(target=_watch, args=(process, peaks))
        watcher.start()
        out, err = process.communicate()
        wall_s = time.monotonic() - begin
        watcher.join()
    if process.returncode:
        raise SystemExit(f"{command}: {err.decode(errors='replace')}")
    after = os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return Took(wall_s=wall_s, cpu_s=cpu_s, peak_mib=sum(peaks.values()) / 1024, out=out)


def _watch(process: subprocess.Popen[bytes], peaks: dict[int, int]) -> None:
    """Note the largest resident set of a process and its children until it ends."""
    while process.poll() is None:
        for pid in (process.pid, *_children(process.pid)):
            with contextlib.suppress(OSError, IndexError):
                status = Path(f"/proc/{pid}/status").read_text()
                peaks[pid] = max(peaks.get(pid, 0), int(status.partition("VmHWM:")[2].split()[0]))
        time.sleep(0.02)


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def measured(name: str, size: int, rounds: int, folder: Path) -> Row:
    what, recorded = TEXTS[name]
    path = folder / f"{name}.strace"
    lines = write_text(path, recorded, size)
    mawk = ("mawk", "{n[$1]++} END {for (k in n) print k, n[k]}", str(path))
    ours = (sys.executable, "-m", "crazytrain", "explain", "--json")
    found = []
    for _ in range(rounds):
        theirs, mine = run(mawk), run((*ours, str(path)))
        with path.open("rb") as file, subprocess.Popen(("cat",), stdin=file, stdout=subprocess.PIPE) as cat:
            assert cat.stdout is not None
            piped = run((*ours, "-"), stdin=cat.stdout)  # type: ignore[arg-type]
        if b'"strace"' not in mine.out:
            raise SystemExit(f"{what}: the report does not speak of strace")
        found.append((theirs, mine, piped))
    row = Row(
        text=what,
        bytes=path.stat().st_size,
        lines=lines,
        mawk_s=statistics.median(one.wall_s for one, _, _ in found),
        ours_s=statistics.median(one.wall_s for _, one, _ in found),
        cpu_s=statistics.median(one.cpu_s for _, one, _ in found),
        ratio=statistics.median(mawk.wall_s / ours.wall_s for mawk, ours, _ in found),
        stdin_ratio=statistics.median(mawk.wall_s / ours.wall_s for mawk, _, ours in found),
        peak_mib=max(max(one.peak_mib, two.peak_mib) for _, one, two in found),
        rounds=tuple(mawk.wall_s / ours.wall_s for mawk, ours, _ in found),
    )
    path.unlink()
    return row


def table(rows: Sequence[Row]) -> str:
    head = f"{'text':<32}{'MB':>6}{'M lines':>9}{'mawk, s':>9}{'explain, s':>12}{'cpu, s':>8}{'of mawk':>9}{'stdin':>7}{'MiB':>6}"
    lines = [head]
    lines += [
        f"{row.text:<32}{row.bytes / 1e6:>6.0f}{row.lines / 1e6:>9.1f}{row.mawk_s:>9.1f}{row.ours_s:>12.1f}{row.cpu_s:>8.1f}"
        f"{row.ratio:>9.2f}{row.stdin_ratio:>7.2f}{row.peak_mib:>6.0f}"
        for row in rows
    ]
    return "\n".join([*lines, f"aim: {TARGET_RATIO} of mawk's speed or more, {TARGET_MIB} MiB or less"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, default=1024, help="size of each text")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--text", action="append", choices=TEXTS)
    parser.add_argument("--json", type=Path, help="also write all figures here")
    given = parser.parse_args()
    if shutil.which("mawk") is None:
        raise SystemExit("mawk is not installed")
    with tempfile.TemporaryDirectory(prefix="ct-bench-") as folder:
        rows = [measured(name, given.mib << 20, given.rounds, Path(folder)) for name in given.text or TEXTS]
    print(table(rows))
    if given.json:
        given.json.write_bytes(msgspec.json.encode(rows))


if __name__ == "__main__":
    main()
