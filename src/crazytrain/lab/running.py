"""The lab guests that run: listing them, ending them, and clearing up after a lab that was killed."""

from pathlib import Path

import msgspec

from crazytrain.lab.errors import NoSuchLabGuest, os_trouble
from crazytrain.lab.guest import Tell
from crazytrain.lab.home import Home, State, homes, is_running
from crazytrain.lab.logs import shown
from crazytrain.lab.qemu import NAME_PREFIX
from crazytrain.lab.scratch import sweep
from crazytrain.model.guest import ProcessId


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A lab guest that runs.

    ``name`` is its own, ``guest`` that of its kind (`idle`); QEMU calls it ``qemu_name``. ``ready`` is false while
    another process still starts it; ``process`` is ``None`` before there is a QEMU. The files are in ``folder``:
    ``actions`` is there only where the lab did something to the guest.
    """

    name: str
    guest: str
    ready: bool
    process: ProcessId | None
    since_wall_ns: int
    folder: Path
    qmp_socket: Path
    console: Path
    debugcon: Path
    qemu_log: Path
    actions: Path

    @property
    def qemu_name(self) -> str:
        """Name of the guest on QEMU's command line."""
        return f"{NAME_PREFIX}{self.name}"

    @property
    def pid(self) -> int:
        """QEMU's pid, 0 before there is a QEMU."""
        return self.process.pid if self.process else 0

    @property
    def start_ticks(self) -> int:
        """QEMU's start time in clock ticks since boot, 0 before there is a QEMU."""
        return self.process.start_ticks if self.process else 0


def running(state_dir: Path, tell: Tell) -> tuple[Running, ...]:
    """Return the lab guests that run, by name.

    What is left of guests that ended by themselves, or whose starter was killed, is ended and removed; ``tell`` hears
    of it.
    """
    with os_trouble():
        sweep(state_dir)
        there = tuple(homes(state_dir))
        alive = tuple(home.name for home, state in there if is_running(home, state))
        for home, state in there:
            if home.name not in alive:
                _clear(home, state, tell)
    return tuple(_describe(home, state) for home, state in there if home.name in alive)


def stop(name: str, *, state_dir: Path, tell: Tell) -> Running:
    """End one lab guest, remove its folder, and return what it was.

    Only a process that the lab started is ended, known by pid and start time. ``name`` may be QEMU's name for it, too.
    ``NoSuchLabGuest`` lists those that run.
    """
    with os_trouble():
        there = {home.name: (home, state) for home, state in homes(state_dir)}
        found = there.get(name) or there.get(name.removeprefix(NAME_PREFIX))
        if found is None:
            names = ", ".join(there) or "none"
            raise NoSuchLabGuest(f"no lab guest named {name!r} runs", f"running now: {names}")
        home, state = found
        was = _describe(home, state)
        home.remove()
    tell(f"{home.name} is stopped")
    return was


def stop_all(*, state_dir: Path, tell: Tell) -> tuple[Running, ...]:
    """End all lab guests and return what they were."""
    with os_trouble():
        sweep(state_dir)
        names = [home.name for home, _ in homes(state_dir)]
    return tuple(stop(name, state_dir=state_dir, tell=tell) for name in names)


def _describe(home: Home, state: State) -> Running:
    return Running(
        name=home.name,
        guest=state.guest,
        ready=state.ready,
        process=home.qemu(),
        since_wall_ns=state.since_wall_ns,
        folder=home.path,
        qmp_socket=home.qmp_socket,
        console=home.console,
        debugcon=home.debugcon,
        qemu_log=home.qemu_log,
        actions=home.actions,
    )


def _clear(home: Home, state: State, tell: Tell) -> None:
    why = "ended by itself" if state.ready else "was left half started"
    last_words = shown(home.qemu_log, lines=1)
    home.remove()
    tell(f"{home.name} {why}; cleared up" + (f" (QEMU said: {last_words})" if last_words else ""))
