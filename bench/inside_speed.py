#!/usr/bin/env python3
"""How soon `crazytrain inside GUEST` answers: cold (nothing known of the guest) and warm (its symbols are in the cache), by RAM size.

    python -m bench.inside_speed [--mib 128 --mib 4096 --mib 16384] [--runs 7] [--json FILE]

Guests are the lab's `busy` (Linux 6.1, TCG) with that much RAM. The whole process is timed, from its start to its end, with
`--for 0`: one reading of the guest. `cpu` is CPU time of it and of all that it started. `start` is what the bare program takes
(`crazytrain --version`): no look can be faster.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import msgspec

from bench.overhead import cache_dir
from crazytrain import lab

AIM_S = {"cold": 1.5, "warm": 0.3}
_NEEDED_SHARE = 0.8  # of the host's free memory at most, should the guest touch all of it


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One guest, cold or warm: medians of all runs, and the longest."""

    ram_mib: int
    state: str
    wall_s: float
    longest_s: float
    cpu_s: float


def timed(*words: str, cache: Path) -> tuple[float, float]:
    begin, before = time.monotonic(), os.times()
    environment = {**os.environ, "CRAZYTRAIN_CACHE": str(cache)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # what is installed is compiled
    command = (sys.executable, "-m", "crazytrain", *words)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    after, wall_s = os.times(), time.monotonic() - begin
    return wall_s, after.children_user + after.children_system - before.children_user - before.children_system


def row(ram_mib: int, state: str, took: list[tuple[float, float]]) -> Row:
    walls = [wall_s for wall_s, _ in took]
    cpu_s = statistics.median(cpu_s for _, cpu_s in took)
    return Row(ram_mib=ram_mib, state=state, wall_s=statistics.median(walls), longest_s=max(walls), cpu_s=cpu_s)


def looked_at(pid: int, runs: int, ram_mib: int) -> Iterator[Row]:
    """Cold looks have a new cache each; warm ones share one that a look before them has filled."""
    look = ("inside", str(pid), "--for", "0")
    with tempfile.TemporaryDirectory(prefix="ct-cache-") as folder:
        kept = Path(folder, "kept")
        timed(*look, cache=kept)  # files are read for the first time, and the cache is filled
        cold, warm = [], []
        for number in range(runs):
            cold.append(timed(*look, cache=Path(folder, f"new-{number}")))
            warm.append(timed(*look, cache=kept))
        yield row(ram_mib, "cold", cold)
        yield row(ram_mib, "warm", warm)
        yield row(ram_mib, "start", [timed("--version", cache=kept) for _ in range(runs)])


def measured(ram_mib: int, runs: int, state_dir: Path) -> list[Row]:
    guest = msgspec.structs.replace(lab.find_guest("busy"), memory_mib=ram_mib)
    with mock.patch("crazytrain.lab.starting.find_guest", return_value=guest):
        running = lab.start("busy", state_dir=state_dir, cache_dir=cache_dir(), tell=lambda _: None)
    try:
        return list(looked_at(running.pid, runs, ram_mib))
    finally:
        lab.stop(running.name, state_dir=state_dir, tell=lambda _: None)


def table(rows: list[Row]) -> str:
    lines = [f"{'RAM, MiB':>9}  {'':<6}{'wall, s':>9}{'longest':>9}{'aim':>6}{'cpu, s':>9}"]
    for one in rows:
        aim = f"{AIM_S[one.state]:g}" if one.state in AIM_S else ""
        lines.append(
            f"{one.ram_mib:>9}  {one.state:<6}{one.wall_s:>9.2f}{one.longest_s:>9.2f}{aim:>6}{one.cpu_s:>9.2f}"
        )
    return "\n".join(lines)


def fits(ram_mib: int) -> bool:
    free_mib = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    if ram_mib > _NEEDED_SHARE * free_mib:
        print(f"left out: {ram_mib} MiB of RAM: this host has {free_mib} MiB free", file=sys.stderr)
    return ram_mib <= _NEEDED_SHARE * free_mib


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, action="append")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("this needs root: it reads the guest's memory")
    print(f"load average before: {os.getloadavg()[0]:.2f} on {os.cpu_count()} CPUs", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="ct-bench-") as folder:
        sizes = [mib for mib in given.mib or (128, 4096, 16384) if fits(mib)]
        rows = [one for mib in sizes for one in measured(mib, given.runs, Path(folder))]
    print(table(rows))
    if given.json:
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(rows)) + b"\n")
    return 0 if all(one.wall_s <= AIM_S.get(one.state, one.wall_s) for one in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
