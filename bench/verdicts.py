"""Each lab guest looked at again and again while the other core is loaded: what was said, as a confusion matrix.

    python -m bench.verdicts [--runs 20] [--healthy-runs 25] [--for 3] [--guests idle,busy,...] [--shard 1/2]
                             [--json FILE] [--keep DIR]
    python -m bench.verdicts --from FILE FILE ... --write docs/lab-verdicts.md

A run is a whole `crazytrain why --json` as a user calls it, beside a healthy guest. Guests that start at once are started
anew for each run, Linux guests for each fifth. With `--shard 1/2` and `2/2` two run at once, and each loads the other. FILE
is written anew after each guest; DIR keeps the case and the report of each look that was not right.
"""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from bench import confusion
from bench.confusion import Look, Row
from crazytrain import lab
from crazytrain.cli.places import lab_cache_dir
from crazytrain.lab.errors import LabError
from crazytrain.lab.guest import LabGuest, Linux

LINUX_FRESH_EVERY = 5
STARTS = 3  # a kernel under TCG hangs in its boot now and then
LOOK_LIMIT_S = 120
# Ends with the one who started it, whatever ends that one.
BURNER = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.getppid() == int(sys.argv[1]) or sys.exit()\nwhile True: pass"


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """How guests are looked at: where things are kept, beside whom, for how long."""

    folder: Path
    beside: lab.Running
    seconds: float
    load: str
    keep: Path | None = None

    @property
    def state(self) -> Path:
        return self.folder / "lab"


class Verdict(msgspec.Struct, frozen=True):
    """The part of a report that is judged."""

    family: str
    cause: str
    confidence: float


class Report(msgspec.Struct, frozen=True):
    """The same."""

    verdict: Verdict


def silent(_line: str) -> None:
    """Hear nothing."""


@contextlib.contextmanager
def loaded(processes: int) -> Iterator[None]:
    """Keep some CPUs busy, for as long as this process lives."""
    command = (sys.executable, "-c", BURNER, str(os.getpid()))
    hogs = [subprocess.Popen(command) for _ in range(processes)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def fresh_every(kind: LabGuest) -> int:
    """After how many looks the guest is started anew."""
    return LINUX_FRESH_EVERY if isinstance(kind.image, Linux) else 1


def started(name: str, state: Path, as_name: str | None = None) -> lab.Running:
    """A guest that runs and misbehaves; tried again where it did not come up."""
    for left in reversed(range(STARTS)):
        try:
            return lab.start(name, state_dir=state, cache_dir=lab_cache_dir(), tell=silent, wish=lab.Wish(name=as_name))
        except LabError as error:
            print(f"{name} did not come up: {error}", file=sys.stderr, flush=True)
            if not left:
                raise
    raise AssertionError


def looks(kind: LabGuest, runs: int, way: Way) -> Iterator[Look]:
    """So many looks at a guest of one kind; it is gone after them."""
    expected, every = f"{kind.family}/{kind.cause}", fresh_every(kind)
    for first in range(0, runs, every):
        guest = started(kind.name, way.state)
        try:
            for _ in range(first, min(first + every, runs)):
                yield one(guest, expected, way)
        finally:
            lab.stop(guest.name, state_dir=way.state, tell=silent)


def one(guest: lab.Running, expected: str, way: Way) -> Look:
    """One look; the evidence of one that was not right is kept where that is wanted."""
    with tempfile.TemporaryDirectory(dir=way.folder) as out:
        command = (sys.executable, "-m", "crazytrain", "why", str(guest.pid), "--against", str(way.beside.pid))
        rest = ("--for", str(way.seconds), "--json", "--quiet", "--out", out)
        try:
            done = subprocess.run((*command, *rest), capture_output=True, check=False, timeout=LOOK_LIMIT_S)
        except subprocess.TimeoutExpired:
            return Look(f"{confusion.NOBODY} in {LOOK_LIMIT_S} s", 0.0)
        if done.returncode:
            why = done.stderr.decode(errors="replace").strip()[-200:]
            return Look(f"{confusion.NOBODY}: exit code {done.returncode}: {why}", 0.0)
        verdict = msgspec.json.decode(done.stdout, type=Report).verdict
        look = Look(f"{verdict.family}/{verdict.cause}", verdict.confidence)
        if way.keep and look.said != expected:
            kept = way.keep / f"{guest.guest}-{time.strftime('%H%M%S')}-{verdict.cause}"
            shutil.copytree(out, kept, dirs_exist_ok=True)
            (kept / "report.json").write_bytes(done.stdout)
        return look


def row(kind: LabGuest, runs: int, way: Way) -> Row:
    """All looks at one guest."""
    begin, seen = time.monotonic(), []
    for look in looks(kind, runs, way):
        seen.append(look)
        print(f"  {kind.name} {len(seen)} of {runs}: {look.said} {look.sure:.2f}", file=sys.stderr, flush=True)
    return Row(
        guest=kind.name,
        expected=f"{kind.family}/{kind.cause}",
        sure=tuple(seen),
        seconds=way.seconds,
        fresh_every=fresh_every(kind),
        load=way.load,
        took_s=round(time.monotonic() - begin, 1),
    )


def rows(kinds: Sequence[LabGuest], given: argparse.Namespace) -> Iterator[Row]:
    """All guests, one after the other; whatever happens, nothing of them stays."""
    with tempfile.TemporaryDirectory(prefix="ct-bench-") as name, loaded(given.burners):
        folder = Path(name)
        try:
            beside = started("idle", folder / "lab", "beside")
            way = Way(folder=folder, beside=beside, seconds=given.seconds, load=loads(given), keep=given.keep)
            for kind in kinds:
                yield row(kind, max(given.runs, given.healthy_runs if kind.is_healthy else 0), way)
        finally:
            for ending in (signal.SIGINT, signal.SIGTERM):
                signal.signal(ending, signal.SIG_IGN)
            lab.stop_all(state_dir=folder / "lab", tell=silent)


def loads(given: argparse.Namespace) -> str:
    """What keeps the host busy, in words; of two shards only the first starts processes that compute."""
    beside = given.shard[1] - 1
    others = f", and {beside} more such look at other guests at the same time" if beside else ""
    burners = given.burners if given.shard[0] == 1 else (os.cpu_count() or 1) // given.shard[1]
    return f"processes that do nothing but compute: {burners} on {os.cpu_count()} CPUs{others}"


def shard(text: str) -> tuple[int, int]:
    """Which part of how many, from ``1/2``."""
    which, _, of = text.partition("/")
    if not (which.isdigit() and of.isdigit() and 1 <= int(which) <= int(of)):
        raise argparse.ArgumentTypeError(f"{text!r} is none; 1/2 and 2/2 are the two halves")
    return int(which), int(of)


def chosen(given: argparse.Namespace) -> list[LabGuest]:
    """The guests that are asked for, of this shard; those that take longest are shared out first."""
    which, of = given.shard
    names = given.guests.split(",") if given.guests else [kind.name for kind in lab.GUESTS]
    return sorted((lab.find_guest(name) for name in names), key=fresh_every)[which - 1 :: of]


def parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--healthy-runs", type=int, default=0, help="looks at each healthy guest, if more than --runs")
    parser.add_argument("--for", dest="seconds", type=float, default=3.0)
    parser.add_argument("--guests", help="names, with commas between; default: all")
    parser.add_argument("--shard", type=shard, default=(1, 1), metavar="N/OF")
    parser.add_argument(
        "--burners",
        type=int,
        help="processes that compute; default: as many as CPUs; with two shards half as many, started by the first",
    )
    parser.add_argument("--json", type=Path, help="keeps the rows; written after each guest")
    parser.add_argument("--keep", type=Path, help="keeps cases and reports of looks that were not right")
    parser.add_argument("--from", dest="kept", type=Path, nargs="+", help="look at nothing; read these files")
    parser.add_argument("--write", type=Path, help="the page to write")
    given = parser.parse_args(argv)
    if given.burners is None:
        which, of = given.shard
        given.burners = (os.cpu_count() or 1) // of if which == 1 else 0
    return given


def main(argv: Sequence[str] | None = None) -> int:
    """Look, print, keep; gives 1 where an aim is missed."""
    given = parsed(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    found = confusion.load(given.kept) if given.kept else []
    for kept in found:
        print(confusion.line(kept))
    for fresh in () if given.kept else rows(chosen(given), given):
        found.append(fresh)
        print(confusion.line(fresh), flush=True)
        if given.json:
            confusion.save(found, given.json)
    print("", *confusion.sums(found), sep="\n")
    if given.write:
        given.write.write_text(confusion.page(found), encoding="utf-8")
    return 0 if confusion.reached(found) else 1


if __name__ == "__main__":
    sys.exit(main())
