"""For how long at most a guest stands still while `crazytrain why` looks at it, by the guest's own count.

A boot sector counts in its RAM; its count is read about every half millisecond from outside, which the guest cannot notice.
A stall is a stretch in which it counts at less than half its usual speed: the time that it lost there. The same is done
while nobody looks, in turns, because a host that has other work lets every guest stand still now and then.

    python -m bench.stall [--rounds 5] [--cost samples] [--json FILE]

`own` leaves out the time in which the vCPU's thread was ready to run but waited for a CPU.
"""

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from crazytrain.lab.errors import LabError
from crazytrain.lab.ram import find_ram
from crazytrain.model.guest import Accelerator
from tests import tiny

LIMIT_S = 0.010
MARKER, MARKER_AT, COUNT_AT = b"COUNTING", 0x500, 0x510
MEMORY_MIB = 64
PAUSE_S = 0.0003
BEGIN = f"""
cli
xor ax, ax
mov ds, ax
mov dword [{MARKER_AT}], 0x4e554f43
mov dword [{MARKER_AT} + 4], 0x474e4954
mov dx, 0x3fd
"""
SECTORS = {
    "computes": f"{BEGIN}again: inc dword [{COUNT_AT}]\njmp again\n",
    "polls a port": f"{BEGIN}again: in al, dx\ninc dword [{COUNT_AT}]\njmp again\n",
}


class Sample(msgspec.Struct, frozen=True):
    """What was counted until a moment, and how long the vCPU's thread had waited for a CPU until then."""

    at_ns: int
    count: int
    waited_ns: int


class Stall(msgspec.Struct, frozen=True):
    """The longest stall of one run, in s: by the clock, and without waiting for a CPU."""

    wall_s: float
    own_s: float


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """All rounds of one guest."""

    guest: str
    cost: str
    alone: tuple[Stall, ...]
    during: tuple[Stall, ...]


class Watched:
    """A guest whose count is read through descriptors that stay open."""

    def __init__(self, pid: int) -> None:
        self.base = find_ram(pid, MEMORY_MIB << 20, MARKER, MARKER_AT).base
        self.memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
        vcpu = next(t for t in Path(f"/proc/{pid}/task").iterdir() if (t / "comm").read_text().startswith("CPU 0"))
        self.schedstat = os.open(vcpu / "schedstat", os.O_RDONLY)

    def sample(self) -> Sample:
        waited = int(os.pread(self.schedstat, 100, 0).split()[1])
        count = int.from_bytes(os.pread(self.memory, 4, self.base + COUNT_AT), "little")
        return Sample(time.monotonic_ns(), count, waited)

    def until(self, over: Callable[[], bool]) -> list[Sample]:
        samples = [self.sample()]
        while not over():
            time.sleep(PAUSE_S)
            samples.append(self.sample())
        return samples


def steps(samples: list[Sample]) -> Iterator[tuple[float, int, float]]:
    """Seconds, counts and seconds of waiting between two samples."""
    for before, after in itertools.pairwise(samples):
        counted = (after.count - before.count) % (1 << 32)
        yield (after.at_ns - before.at_ns) / 1e9, counted, (after.waited_ns - before.waited_ns) / 1e9


def longest(samples: list[Sample], per_s: float) -> Stall:
    """The longest time lost in a row of slow steps."""
    wall = own = most_wall = most_own = 0.0
    for took, counted, waited in steps(samples):
        lost = took - counted / per_s
        slow = counted < took * per_s / 2
        wall = wall + lost if slow else max(0.0, lost)
        own = own + lost - waited if slow else max(0.0, lost - waited)
        most_wall, most_own = max(most_wall, wall), max(most_own, own)
    return Stall(most_wall, most_own)


def speed(samples: list[Sample]) -> float:
    """Counts per second while it counts at all."""
    return statistics.median(counted / took for took, counted, _ in steps(samples) if counted)


def looked_at(pid: int, cost: str, out: str) -> "subprocess.Popen[bytes]":
    where = ("--against", "none", "--quiet", "--cost", cost, "--out", out)
    command = (sys.executable, "-m", "crazytrain", "why", str(pid), "--for", "1", *where)
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def rows_of(cost: str, rounds: int) -> Iterator[Row]:
    for name, code in SECTORS.items():
        named = ("-name", "debug-threads=on")
        with (
            tempfile.TemporaryDirectory(prefix="ct-bench-") as out,
            tiny.boot(code, Accelerator.KVM, *named, memory_mib=MEMORY_MIB) as guest,
        ):
            yield row_of(name, guest.process, cost, rounds, out)


def row_of(name: str, pid: int, cost: str, rounds: int, out: str) -> Row:
    alone, during = [], []
    watched: list[Watched] = []

    def counts() -> bool:
        try:
            watched.append(Watched(pid))
        except (LabError, StopIteration):  # the firmware is still at work
            return False
        return watched[-1].sample().count > 0

    tiny.until(counts, "the guest counts")
    for _ in range(rounds):
        end = time.monotonic() + 2.5
        quiet = watched[-1].until(lambda end=end: time.monotonic() > end)  # type: ignore[misc]
        run = looked_at(pid, cost, out)
        busy = watched[-1].until(lambda run=run: run.poll() is not None)  # type: ignore[misc]
        if run.returncode:
            raise SystemExit(f"why ended with {run.returncode}")
        usual = speed(quiet)
        alone.append(longest(quiet, usual))
        during.append(longest(busy, usual))
    return Row(guest=name, cost=cost, alone=tuple(alone), during=tuple(during))


def ms(stalls: tuple[Stall, ...], which: str) -> str:
    values = [getattr(stall, which) * 1e3 for stall in stalls]
    return f"{statistics.median(values):6.2f} (most {max(values):6.2f})"


def table(rows: list[Row]) -> str:
    titles = (
        f"{'guest':<14}{'--cost':<10}{'alone, ms':>24}{'during why, ms':>24}{'alone, own':>24}{'during why, own':>24}"
    )
    lines = [titles]
    for row in rows:
        cells = [ms(s, which) for which in ("wall_s", "own_s") for s in (row.alone, row.during)]
        lines.append(f"{row.guest:<14}{row.cost:<10}" + "".join(f"{cell:>24}" for cell in cells))
    return "\n".join(lines)


def kept(row: Row) -> bool:
    """Whether looking adds less than the limit to what the guest stands still anyway, by the medians of the rounds."""
    alone, during = (statistics.median(stall.own_s for stall in stalls) for stalls in (row.alone, row.during))
    return during - alone < LIMIT_S


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cost", action="append", choices=("reads", "samples", "stops"))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = [row for cost in given.cost or ("samples",) for row in rows_of(cost, given.rounds)]
    print(table(rows))
    if given.json:
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(rows)) + b"\n")
    return 0 if all(map(kept, rows)) else 1


if __name__ == "__main__":
    sys.exit(main())
