#!/usr/bin/env python3
"""How fast `crazytrain logs` reads, beside `grep -c DHCP` and `sed | sort | uniq -c` over the same file in the same run.

Texts: a flood of DHCP renewals alone; floods of several programs with 20 rare lines planted in them, of which all must be shown; and lines of
which no two are alike, the worst that a hostile guest can write. Each is measured as a whole process on one core: CPU time, wall time, and the
largest resident memory as the kernel counted it.

    python -m bench.logs_speed [--lines 1000000] [--rounds 3] [--json FILE]
"""

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from tests.logs_made import BEGIN_S, PLANTED, flood_log, stamp

AIM_MB_PER_S = 20
AIM_MIB = 300
AIM_LINES = 60
_PIECE_LINES = 50_000
_SED = r"s/[0-9][0-9]*/N/g"


class Took(msgspec.Struct, frozen=True, kw_only=True):
    """One process and its children: seconds by the clock and of CPU, largest resident memory in MiB, what it printed."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    out: bytes


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One text: medians over the rounds. ``rare``: how many of the planted lines were shown, in ``shown`` lines in all."""

    text: str
    bytes: int
    lines: int
    mb_per_s: float
    mb_per_s_wall: float
    peak_mib: float
    shown: int
    rare: int
    planted: int
    grep_ratio: float
    sort_ratio: float
    sort_peak_mib: float


def run(command: Sequence[str]) -> Took:
    """Run a command on one core to its end."""
    core = {min(os.sched_getaffinity(0))}
    begin = time.monotonic()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out, preexec_fn=lambda: os.sched_setaffinity(0, core))  # noqa: PLW1509 - no threads here
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        printed = out.read()
    if process.returncode:
        raise SystemExit(f"{command} failed")
    return Took(wall_s=wall_s, cpu_s=used.ru_utime + used.ru_stime, peak_mib=used.ru_maxrss / 1024, out=printed)


def renewing(count: int) -> Iterator[bytes]:
    """dnsmasq's log of 40 clients that renew every minute."""
    for number in range(0, count, 2):
        head = f"{stamp(BEGIN_S + number * 3 // 4)} host1 dnsmasq-dhcp[1234]:"
        one = number // 2 % 40
        client = f"192.168.122.{one + 10} 52:54:00:a1:b2:{one:02x}"
        yield f"{head} DHCPREQUEST(virbr0) {client}\n{head} DHCPACK(virbr0) {client} web{one:02d}\n".encode()


def mixed(count: int) -> Iterator[bytes]:
    """Floods of several programs, and the planted lines."""
    for number in range(0, count, _PIECE_LINES):
        piece = min(_PIECE_LINES, count - number)
        yield flood_log(piece, PLANTED if number == 0 else (), seed=number)


def unlike(count: int) -> Iterator[bytes]:
    """Lines of words of chance."""
    rolls = random.Random(1)
    words = [
        "".join(rolls.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rolls.randrange(3, 10)))
        for _ in range(50_000)
    ]
    for number in range(count):
        said = " ".join(rolls.choice(words) for _ in range(rolls.randrange(1, 14)))
        yield f"{stamp(BEGIN_S + number)} host {rolls.choice(words)}[{number}]: {said}\n".encode()


TEXTS: dict[str, Callable[[int], Iterator[bytes]]] = {
    "DHCP flood": renewing,
    "floods and 20 rare lines": mixed,
    "no two lines alike": unlike,
}


def measure(name: str, folder: Path, lines: int, rounds: int) -> Row:
    """One text, all commands in turn, as often as asked for."""
    path = folder / "log"
    with path.open("wb") as file:
        for piece in TEXTS[name](lines):
            file.write(piece)
    size = path.stat().st_size
    ours, grep, sort = [], [], []
    for _ in range(rounds):
        ours.append(run((sys.executable, "-m", "crazytrain", "logs", "--zone", "UTC", str(path))))
        grep.append(run(("sh", "-c", f"grep -c DHCP {path} || true")))
        sort.append(run(("sh", "-c", f"sed '{_SED}' {path} | sort | uniq -c")))
    path.unlink()
    cpu_s = statistics.median(one.cpu_s for one in ours)
    text = ours[-1].out.decode()
    return Row(
        text=name,
        bytes=size,
        lines=lines,
        mb_per_s=size / 1e6 / cpu_s,
        mb_per_s_wall=size / 1e6 / statistics.median(one.wall_s for one in ours),
        peak_mib=max(one.peak_mib for one in ours),
        shown=len(text.splitlines()),
        rare=sum(one in text for one in PLANTED),
        planted=len(PLANTED) if TEXTS[name] is mixed else 0,
        grep_ratio=statistics.median(one.cpu_s / other.cpu_s for one, other in zip(ours, grep, strict=True)),
        sort_ratio=statistics.median(one.cpu_s / other.cpu_s for one, other in zip(ours, sort, strict=True)),
        sort_peak_mib=max(one.peak_mib for one in sort),
    )


def missed(row: Row) -> list[str]:
    """Which aims a text missed; the speed is promised for floods."""
    told = [f"{row.peak_mib:.0f} MiB"] if row.peak_mib > AIM_MIB else []
    told += [f"{row.shown} lines"] if row.shown > AIM_LINES else []
    told += [f"{row.rare} of {row.planted} rare lines"] if row.rare < row.planted else []
    slow = row.text != "no two lines alike" and row.mb_per_s < AIM_MB_PER_S
    return [*told, *([f"{row.mb_per_s:.0f} MB/s"] if slow else [])]


def main() -> int:
    """Measure and print; 1 where an aim was missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        rows = [measure(name, folder, asked.lines, asked.rounds) for name in TEXTS]
    finally:
        shutil.rmtree(folder)
    print(
        f"| log of {asked.lines:,} lines | MB | MB/s (CPU) | MB/s (wall) | peak MiB | shown | rare | CPU / grep -c | / sed, sort, uniq (MiB) |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        rare = f"{row.rare}/{row.planted}" if row.planted else "-"
        print(
            f"| {row.text} | {row.bytes / 1e6:.0f} | {row.mb_per_s:.1f} | {row.mb_per_s_wall:.1f} | {row.peak_mib:.0f} | {row.shown} | {rare} "
            f"| {row.grep_ratio:.0f} | {row.sort_ratio:.2f} ({row.sort_peak_mib:.0f}) |"
        )
    if asked.json:
        asked.json.write_bytes(msgspec.json.encode(rows))
    failed = [f"{row.text}: {', '.join(told)}" for row in rows if (told := missed(row))]
    print(
        "\n".join(f"MISSED: {one}" for one in failed)
        or f"aims: {AIM_MB_PER_S} MB/s, {AIM_MIB} MiB, {AIM_LINES} lines, every rare one: all met"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
