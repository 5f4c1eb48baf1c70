#!/usr/bin/env python3
"""What looking costs the guest: its speed by its own count while it is looked at, against its speed alone.

Guests of the lab: `pio-poll` (a vCPU that leaves guest mode all the time; KVM where it opens) and `rtc-storm` (a main loop
that makes thousands of system calls a second). Looks are interleaved, each between two measurements of the guest alone,
and each is measured from its beginning to its end, with whatever it does before and after it counts.

    python -m bench.overhead [--rounds 3] [--seconds 5] [--guest pio-poll] [--look why] [--json FILE]

`speed` is units per second of wall time. `corrected` leaves out the time in which the vCPU's thread was runnable but had
to wait for a CPU, so that other load on the host does not show; what a tracer stops, or makes slower, does.
"""

import argparse
import asyncio
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import msgspec

from crazytrain import lab
from crazytrain.collect import discover
from crazytrain.collect.look import Collector, Look
from crazytrain.collect.registry import COLLECTORS
from crazytrain.collect.trace_events import find_events
from crazytrain.decode.command_line import config_of
from crazytrain.host import LiveHost
from crazytrain.model.evidence import Evidence, Outcome

TARGET_RATIO = 0.98
GUESTS = ("pio-poll", "rtc-storm")
Watch = Callable[[lab.Running, float], Awaitable[None]]


class Speed(msgspec.Struct, frozen=True):
    """Units per second: of wall time, and of the time in which the vCPU's thread did not wait for a CPU."""

    per_s: float
    corrected_per_s: float


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One way to look at one guest: the median ratios of its speed to its speed alone, and all rounds."""

    guest: str
    look: str
    speed_ratio: float
    corrected_ratio: float
    alone_per_s: float
    rounds: tuple[float, ...]


async def looked(pid: int, seconds: float, kept: list[Evidence]) -> Look:
    host = LiveHost()
    (guest,) = [guest for guest in await discover.guests(host, config_of) if guest.pid == pid]
    now = host.mono_ns()
    return Look(host=host, guest=guest, start_ns=now, end_ns=now + int(seconds * 1e9), keep=kept.append)


async def alone(_guest: lab.Running, seconds: float) -> None:
    await asyncio.sleep(seconds)


def only(collector: Collector) -> Watch:
    """One collector alone: whose fault it is."""

    async def watch(guest: lab.Running, seconds: float) -> None:
        kept: list[Evidence] = []
        await collector.run(await looked(guest.pid, seconds, kept))
        must_have_seen(kept)

    return watch


def must_have_seen(kept: list[Evidence]) -> None:
    for evidence in kept:
        if evidence.outcome not in (Outcome.OK, Outcome.TRUNCATED, Outcome.ABSENT):
            raise SystemExit(f"{evidence.id}: {evidence.outcome.value}: {evidence.detail}")


def why(*options: str) -> Watch:
    async def watch(guest: lab.Running, seconds: float) -> None:
        with tempfile.TemporaryDirectory(prefix="ct-bench-") as out:
            program = (sys.executable, "-m", "crazytrain", "why", str(guest.pid))
            await command(*program, "--for", f"{seconds:g}", "--against", "none", "--out", out, *options)(
                guest, seconds
            )

    return watch


def command(*argv: str) -> Watch:
    async def watch(guest: lab.Running, seconds: float) -> None:
        own = argv[0] == sys.executable  # it ends by itself
        host = LiveHost()
        prefix = () if own or argv[0] != "perf" else (await find_events(host, ("kvm:kvm_pio",))).prefix
        with tempfile.TemporaryDirectory(prefix="ct-bench-") as folder:
            told = {"PID": str(guest.pid), "FILE": f"{folder}/out"}
            words = (*prefix, *(told.get(word, word) for word in argv))
            done = await host.run(
                words, timeout_s=seconds + 60, limit_bytes=1 << 24, interrupt_after_s=None if own else seconds
            )
        if done.outcome is Outcome.NO_TOOL or (own and done.status not in (0, None)):
            raise SystemExit(f"{' '.join(words)}: {done.detail or done.stderr.decode(errors='replace')}")

    return watch


KVM_EVENTS = ("-e", "kvm:kvm_userspace_exit", "-e", "kvm:kvm_pio")
LOOKS: dict[str, Watch] = {
    "why --cost reads": why("--cost", "reads"),
    "why": why(),
    "why --cost stops": why("--cost", "stops"),
    "strace -f -c": command("strace", "-f", "-c", "-p", "PID"),
    "strace -f -ttT -o": command("strace", "-f", "-ttT", "-o", "FILE", "-p", "PID"),
    "perf trace -s": command("perf", "trace", "-s", "-p", "PID"),
    "perf record kvm": command("perf", "record", "-q", *KVM_EVENTS, "-o", "FILE", "-p", "PID"),
    **{f"only {collector.name}": only(collector) for collector in COLLECTORS},
}
TARGET_FOR = ("why --cost reads", "why")
SHOWN = tuple(name for name in LOOKS if not name.startswith("only"))


def vcpu_delay_ns(pid: int) -> int:
    """How long the vCPU threads have waited for a CPU."""
    tasks = Path(f"/proc/{pid}/task")
    vcpus = [task for task in tasks.iterdir() if (task / "comm").read_text().startswith("CPU ")]
    return sum(int((task / "schedstat").read_text().split()[1]) for task in vcpus)


def measured(guest: lab.Running, watch: Watch, seconds: float) -> Speed:
    """The guest's speed from the beginning of a look to its end."""
    first, waited = lab.mark_progress(guest), vcpu_delay_ns(guest.pid)
    asyncio.run(at_work(watch, guest, seconds))
    last, waited = lab.mark_progress(guest), vcpu_delay_ns(guest.pid) - waited
    took_ns = last.mono_ns - first.mono_ns
    units = last.count - first.count
    return Speed(units * 1e9 / took_ns, units * 1e9 / max(took_ns - waited, 1))


async def at_work(watch: Watch, guest: lab.Running, seconds: float) -> None:
    await watch(guest, seconds)


def compare(guest: lab.Running, names: list[str], rounds: int, seconds: float) -> Iterator[Row]:
    """Look in turns, each look between two measurements of the guest alone."""
    ratios: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    alone_speeds = [measured(guest, alone, seconds)]
    for number in range(1, rounds + 1):
        for name in names:
            print(f"{guest.name}: round {number} of {rounds}: {name}", file=sys.stderr)
            during = measured(guest, LOOKS[name], seconds)
            alone_speeds.append(measured(guest, alone, seconds))
            before, after = alone_speeds[-2:]
            ratios[name].append(
                (
                    2 * during.per_s / (before.per_s + after.per_s),
                    2 * during.corrected_per_s / (before.corrected_per_s + after.corrected_per_s),
                )
            )
    for name, pairs in ratios.items():
        yield Row(
            guest=guest.name,
            look=name,
            speed_ratio=statistics.median(wall for wall, _ in pairs),
            corrected_ratio=statistics.median(own for _, own in pairs),
            alone_per_s=statistics.median(speed.per_s for speed in alone_speeds),
            rounds=tuple(round(own, 3) for _, own in pairs),
        )


def table(rows: list[Row]) -> str:
    lines = [f"{'guest':<12}{'look':<20}{'speed':>8}{'corrected':>11}   corrected, by rounds"]
    for row in rows:
        shown = " ".join(f"{ratio:.2f}" for ratio in row.rounds)
        lines.append(f"{row.guest:<12}{row.look:<20}{row.speed_ratio:>8.3f}{row.corrected_ratio:>11.3f}   {shown}")
    return "\n".join(lines)


def cache_dir() -> Path:
    base = os.environ.get("CRAZYTRAIN_CACHE")
    return Path(base) if base else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "crazytrain", "lab")


def usable(names: list[str]) -> list[str]:
    """Those looks whose program is here."""
    there = []
    for name in names:
        tool = name.split()[0]
        if tool in ("strace", "perf") and shutil.which(tool) is None:
            print(f"left out: {name}: {tool} is not installed", file=sys.stderr)
        else:
            there.append(name)
    return there


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--guest", action="append", choices=GUESTS)
    parser.add_argument("--look", action="append", choices=tuple(LOOKS))
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def main() -> int:
    given = arguments()
    if os.geteuid() != 0:
        raise SystemExit("this needs root: it traces")
    names = usable(given.look or list(SHOWN))
    rows: list[Row] = []
    print(f"load average before: {os.getloadavg()[0]:.2f} on {os.cpu_count()} CPUs", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="ct-bench-") as folder:
        state = Path(folder)
        try:
            for kind in given.guest or GUESTS:
                guest = lab.start(
                    kind, state_dir=state, cache_dir=cache_dir(), tell=lambda line: print(line, file=sys.stderr)
                )
                rows.extend(compare(guest, names, given.rounds, given.seconds))
                lab.stop(guest.name, state_dir=state, tell=lambda _: None)
        finally:
            lab.stop_all(state_dir=state, tell=lambda _: None)
    print(table(rows))
    if given.json:
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(rows)) + b"\n")
    ours = [row for row in rows if row.look in TARGET_FOR]
    return 0 if all(row.corrected_ratio >= TARGET_RATIO for row in ours) else 1


if __name__ == "__main__":
    sys.exit(main())
