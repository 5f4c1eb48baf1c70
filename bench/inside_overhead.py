#!/usr/bin/env python3
"""What looking inside costs the guest: its speed by its own count while it is looked at, against its speed alone, in one run.

Ways to look: the current task of every CPU by memory alone (900 a second), the registers at the default rate and at the
highest, pauses as `--may-pause` makes them, `stop`, registers and `cont` for every look (what tools do that pause), and, where
it can, drgn at the prompt of `--shell`.

    python -m bench.inside_overhead [--rounds 3] [--seconds 5] [--guest user-spin] [--json FILE]
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from bench.overhead import Row, alone, cache_dir, measured, table
from crazytrain import lab
from crazytrain.collect import discover
from crazytrain.collect.inside_monitor import asker
from crazytrain.collect.inside_pausing import registers
from crazytrain.collect.inside_sampling import MOST_PER_S, PER_S, Wish, sample_registers
from crazytrain.collect.inside_session import open_session
from crazytrain.collect.look import Look
from crazytrain.decode.command_line import config_of
from crazytrain.host import LiveHost
from crazytrain.model.guest_memory import Unreadable

TARGET_RATIO = 0.97
GUESTS = ("user-spin", "fork-storm", "pio-poll")  # a program under TCG, a kernel under TCG, KVM
Watch = Callable[[lab.Running, float], Awaitable[None]]
_DRGN = """
import time
end, n = time.monotonic() + {seconds}, 0
while time.monotonic() < end:
    n += sum(1 for task in for_each_task() if task.pid.value_() >= 0)

print(n, "tasks")
"""


def sampled(per_s: float, *, pauses_s: float = 0.0, task_looks_per_s: float = 0.0) -> Watch:
    """The way of `crazytrain inside`: the child without privileges, the monitor held for a moment at a time."""

    async def watch(running: lab.Running, seconds: float) -> None:
        host = LiveHost()
        (guest,) = [one for one in await discover.guests(host, config_of) if one.pid == running.pid]
        async with open_session(host, guest, asker(host, guest)) as session:
            try:
                await session.begin()
            except Unreadable:
                task_looks = 0.0
            else:
                task_looks = task_looks_per_s
            now = host.mono_ns()
            look = Look(host=host, guest=guest, start_ns=now, end_ns=now + int(seconds * 1e9), keep=lambda _: None)

            async def spot(text: str, mono_ns: int, stopped: bool) -> None:
                await session.spot(text, mono_ns, stopped=stopped)

            if task_looks:
                await session.watch(look.end_ns, task_looks)
            if per_s:
                await sample_registers(look, spot, Wish(per_s=per_s, may_pause_ns=int(pauses_s * 1e9)))
            await host.sleep_until(look.end_ns)
            profile = await session.summarise()
            print(f"    {profile.samples} looks at registers, {profile.task_samples} at tasks", file=sys.stderr)

    return watch


def paused_each_time(per_s: float) -> Watch:
    """`stop`, registers and `cont` for every look."""

    async def watch(running: lab.Running, seconds: float) -> None:
        end_s, looks = time.monotonic() + seconds, 0
        async with LiveHost().talking(str(running.folder / "qmp.sock"), timeout_s=5) as line:
            while time.monotonic() < end_s:
                due_s = time.monotonic() + 1 / per_s
                await line.ask(b'{"execute": "stop"}')
                await registers(line)
                await line.ask(b'{"execute": "cont"}')
                looks += 1
                await asyncio.sleep(max(0, due_s - time.monotonic()))
        print(f"    {looks} looks, paused for each", file=sys.stderr)

    return watch


def drgn() -> Watch:
    """drgn flat out over the live guest's memory: all tasks, over and over, at the prompt of `crazytrain inside --shell`.

    drgn's own way to a QEMU guest (``set_qemu_qmp``) pauses it, and needs `-device vmcoreinfo` and a driver in the guest.
    """

    async def watch(running: lab.Running, seconds: float) -> None:
        argv = (sys.executable, "-m", "crazytrain", "inside", str(running.pid), "--shell")
        script = _DRGN.format(seconds=seconds).encode()
        done = await LiveHost().run(argv, timeout_s=seconds + 60, limit_bytes=1 << 20, stdin=script)
        said = [line for line in done.stdout.decode(errors="replace").splitlines() if line.endswith("tasks")]
        if not said:
            raise Unreadable("drgn read no task")
        print(f"    {said[-1]} read by drgn", file=sys.stderr)

    return watch


def looks(kind: str) -> dict[str, Watch]:
    """All ways to look at a kind of guest; drgn only knows Linux."""
    found = {
        "tasks at 900/s": sampled(0, task_looks_per_s=900),
        f"registers at {PER_S:g}/s": sampled(PER_S),
        "as inside does": sampled(PER_S, task_looks_per_s=900),
        f"registers at {MOST_PER_S:g}/s": sampled(MOST_PER_S),
        "may pause 0.2 s": sampled(PER_S, pauses_s=0.2),
        f"paused {PER_S:g}/s": paused_each_time(PER_S),
        f"paused {MOST_PER_S:g}/s": paused_each_time(MOST_PER_S),
    }
    return found if kind == "pio-poll" else found | {"drgn, all tasks": drgn()}


def compare(guest: lab.Running, ways: dict[str, Watch], rounds: int, seconds: float) -> list[Row]:
    """Look in turns, each look between two measurements of the guest alone."""
    ratios: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    speeds = [measured(guest, alone, seconds)]
    for number in range(1, rounds + 1):
        for name, watch in ways.items():
            print(f"{guest.name}: round {number} of {rounds}: {name}", file=sys.stderr)
            during = measured(guest, watch, seconds)
            speeds.append(measured(guest, alone, seconds))
            wall, own = (sum(getattr(one, what) for one in speeds[-2:]) / 2 for what in ("per_s", "corrected_per_s"))
            ratios[name].append((during.per_s / wall, during.corrected_per_s / own))
    return [
        Row(
            guest=guest.name,
            look=name,
            speed_ratio=statistics.median(wall for wall, _ in pairs),
            corrected_ratio=statistics.median(own for _, own in pairs),
            alone_per_s=statistics.median(speed.per_s for speed in speeds),
            rounds=tuple(round(own, 3) for _, own in pairs),
        )
        for name, pairs in ratios.items()
    ]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--guest", action="append", choices=GUESTS)
    parser.add_argument("--look", action="append", choices=tuple(looks(GUESTS[0])))
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def main() -> int:
    given = arguments()
    if os.geteuid() != 0:
        raise SystemExit("this needs root: it reads the guest's memory")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="ct-bench-") as folder:
        state = Path(folder)
        try:
            for kind in given.guest or GUESTS[:1]:
                guest = lab.start(
                    kind, state_dir=state, cache_dir=cache_dir(), tell=lambda line: print(line, file=sys.stderr)
                )
                ways = {name: way for name, way in looks(kind).items() if name in (given.look or (name,))}
                rows += compare(guest, ways, given.rounds, given.seconds)
                lab.stop(guest.name, state_dir=state, tell=lambda _: None)
        finally:
            lab.stop_all(state_dir=state, tell=lambda _: None)
    print(table(rows))
    if given.json:
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(rows)) + b"\n")
    ours = [row for row in rows if row.look == "as inside does"]
    return 0 if all(row.corrected_ratio >= TARGET_RATIO for row in ours) else 1


if __name__ == "__main__":
    sys.exit(main())
