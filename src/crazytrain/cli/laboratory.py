"""What ``crazytrain lab`` does."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from crazytrain.cli import looking, screen
from crazytrain.cli.places import lab_cache_dir, lab_state_dir
from crazytrain.lab import GUESTS, LabGuest, Running, Wish, find_guest, running, start, stop, stop_all
from crazytrain.model.report import Report

BESIDE = "idle"


class GuestLine(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of lab guest, and the instances of it that run."""

    name: str
    summary: str
    family: str
    cause: str
    needs_kvm: bool
    needs: tuple[str, ...]
    running: tuple[str, ...]


def show_list(*, as_json: bool) -> None:
    """Print the kinds and what runs."""
    alive = running(lab_state_dir(), screen.Progress())
    rows = tuple(_line(guest, alive) for guest in GUESTS)
    if as_json:
        screen.json(rows)
        return
    for row in rows:
        need = f"  (needs {', '.join(row.needs)})" if row.needs else ""
        runs = f"  RUNS: {', '.join(row.running)}" if row.running else ""
        print(f"{row.name:<16} {row.family}/{row.cause}{need}{runs}\n{'':<16} {row.summary}")


def _line(guest: LabGuest, alive: tuple[Running, ...]) -> GuestLine:
    return GuestLine(
        name=guest.name,
        summary=guest.summary,
        family=guest.family,
        cause=guest.cause,
        needs_kvm=guest.needs_kvm,
        needs=guest.needs,
        running=tuple(f"{r.name} (pid {r.pid})" for r in alive if r.guest == guest.name),
    )


def start_one(name: str, wish: Wish) -> None:
    """Start one and say what to do next."""
    guest = _started(name, wish)
    print(f"{guest.qemu_name} runs, pid {guest.pid}\nlook at it: crazytrain why {guest.qemu_name}")
    print(f"stop it:    crazytrain lab stop {guest.name}")


def _started(name: str, wish: Wish) -> Running:
    progress = screen.Progress()
    try:
        return start(name, state_dir=lab_state_dir(), cache_dir=lab_cache_dir(), tell=progress, wish=wish)
    finally:
        progress.done()


def stop_some(name: str | None) -> None:
    """Stop one, or all."""
    tell = screen.Progress()
    stopped = (
        (stop(name, state_dir=lab_state_dir(), tell=tell),) if name else stop_all(state_dir=lab_state_dir(), tell=tell)
    )
    tell.done()
    for one in stopped:
        print(f"stopped {one.name} (pid {one.pid})")
    if not stopped:
        print("no lab guest runs")


def run_story(name: str, kernel: Path | None, seconds: float, *, as_json: bool, full: bool, cost: str) -> Report:
    """Start a healthy guest and the one that misbehaves, look, print why, stop both."""
    kind = find_guest(name)
    suffix = str(os.getpid())
    with (
        _running_for_now(BESIDE, kernel, f"{BESIDE}-{suffix}") as beside,
        _running_for_now(name, kernel, f"{name}-{suffix}") as sick,
    ):
        print(f"{beside.qemu_name} (healthy) and {sick.qemu_name} run: {kind.summary}", file=sys.stderr)
        wish = looking.Wish(wanted=str(sick.pid), seconds=seconds, against=str(beside.pid), cost=cost)
        report = looking.why(wish)
        screen.show(report, as_json=as_json, full=full)
    return report


@contextmanager
def _running_for_now(name: str, kernel: Path | None, instance: str) -> Iterator[Running]:
    guest = _started(name, Wish(kernel=kernel, name=instance))
    try:
        yield guest
    finally:
        stop(guest.name, state_dir=lab_state_dir(), tell=lambda _: None)
