"""How long an answer takes: `crazytrain why --for 1` of one guest, and of twenty at once of which one is stopped.

    python -m bench.speed [--runs 5] [--json FILE]

The whole process is timed, from its start to its end. `cpu` is CPU time of it and of all that it started.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from crazytrain.model.guest import Accelerator
from tests import tiny

MANY = 20
LIMITS_S = {"one guest": 3.0, "20 guests, one stopped": 6.0}


class Took(msgspec.Struct, frozen=True):
    """One run: by the clock, and CPU time."""

    wall_s: float
    cpu_s: float


def timed(pids: Sequence[int]) -> Took:
    with tempfile.TemporaryDirectory(prefix="ct-bench-") as out:
        where = ("--against", "none", "--for", "1", "--quiet", "--out", out)
        command = (sys.executable, "-m", "crazytrain", "why", *map(str, pids), *where)
        begin, before = time.monotonic(), os.times()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after, wall_s = os.times(), time.monotonic() - begin
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return Took(wall_s, cpu_s)


def measured(runs: int) -> dict[str, list[Took]]:
    with contextlib.ExitStack() as stack:
        boots = [tiny.boot(tiny.HALT, Accelerator.TCG, memory_mib=8) for _ in range(MANY)]
        with ThreadPoolExecutor(4) as pool:
            guests = list(pool.map(stack.enter_context, boots))
        guests[-1].freeze()
        pids = [guest.process for guest in guests]
        timed(pids[:1])  # files are read for the first time
        one, many = zip(*((timed(pids[:1]), timed(pids)) for _ in range(runs)), strict=True)
    return dict(zip(LIMITS_S, (list(one), list(many)), strict=True))


def table(found: dict[str, list[Took]]) -> str:
    lines = [f"{'why --for 1 of':<26}{'wall, s':>10}{'longest':>10}{'limit':>8}{'cpu, s':>10}"]
    for name, runs in found.items():
        walls = [run.wall_s for run in runs]
        cpu_s = statistics.median(run.cpu_s for run in runs)
        median = statistics.median(walls)
        lines.append(f"{name:<26}{median:>10.2f}{max(walls):>10.2f}{LIMITS_S[name]:>8.0f}{cpu_s:>10.2f}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found = measured(given.runs)
    print(table(found))
    if given.json:
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    within = (statistics.median(run.wall_s for run in runs) <= LIMITS_S[name] for name, runs in found.items())
    return 0 if all(within) else 1


if __name__ == "__main__":
    sys.exit(main())
