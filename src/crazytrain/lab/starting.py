"""Starting a lab guest, up to the moment at which it is seen to misbehave. What fails half-way leaves nothing."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from crazytrain.lab.actions import write_actions
from crazytrain.lab.assemble import assemble
from crazytrain.lab.busybox import choose_busybox
from crazytrain.lab.cache import Cache
from crazytrain.lab.clockjump import set_clock_back
from crazytrain.lab.errors import LabError, LaunchFailed, NeedsKvm, NotReady, os_trouble
from crazytrain.lab.guest import BootSector, LabGuest, Linux, NoDisk, Tell
from crazytrain.lab.guests import find_guest
from crazytrain.lab.home import Home, State, claim
from crazytrain.lab.initramfs import make_initramfs
from crazytrain.lab.kernel import choose_kernel
from crazytrain.lab.logs import last_words, shown, shows
from crazytrain.lab.machine import accelerator_for_boot_sectors, find_qemu, kvm_trouble
from crazytrain.lab.modules import choose_modules
from crazytrain.lab.process import is_alive
from crazytrain.lab.props.stage import Stage
from crazytrain.lab.qemu import Boot, command_line
from crazytrain.lab.running import Running, running
from crazytrain.lab.spawn import spawn
from crazytrain.lab.wait import wait_until
from crazytrain.model.guest import Accelerator, ProcessId

_BOOT_LIMIT_S = 90.0
_TRIES = 2  # a kernel under TCG hangs in its boot now and then


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What the user leaves open or asks for.

    A kernel of their own, a name, the port that `pio-poll` reads, another QEMU than the first in PATH.
    """

    kernel: Path | None = None
    name: str | None = None
    port: int | None = None
    qemu: Path | None = None


def start(name: str, *, state_dir: Path, cache_dir: Path, tell: Tell, wish: Wish | None = None) -> Running:
    """Start a lab guest and return when it is seen to do what it is for. It outlives this process.

    Args:
        name: of the kind of guest, see ``GUESTS``.
        state_dir: where the guests' folders are; its path must be short (it holds sockets).
        cache_dir: where fetched and built files are kept.
        tell: hears of progress, a line at a time.
        wish: what is not as usual.

    Raises ``LabError`` (see ``errors``) or ``MissingTool``. Whatever is raised, Ctrl-C included, no QEMU and no files
    of the guest are left.
    """
    wish = wish or Wish()
    guest = _fitted(find_guest(name), wish)
    _check_host(guest)
    running(state_dir, tell)  # clears up what is dead
    with os_trouble():
        home = claim(state_dir, wish.name or guest.name, guest.name)
        _make(guest, home, Cache(cache_dir), wish, tell)
    return _found(home, state_dir, tell)


def _make(guest: LabGuest, home: Home, cache: Cache, wish: Wish, tell: Tell) -> None:
    with _undone_unless_finished(home) as mine:
        stage = Stage(home, tell)
        process = _boot(guest, stage, lambda: _prepare(guest, home, cache, wish, tell), wish.qemu)
        if guest.clock_step_ns:
            actions = set_clock_back(process, guest.memory_bytes, guest.clock_step_ns, tell)
            home.actions.write_bytes(msgspec.json.format(msgspec.json.encode(actions)))
        for prop in guest.props:
            prop.once_ready(stage)
        if stage.actions:
            write_actions(home.actions, guest.name, stage.actions)
        if mine is None or home.state() != mine:
            raise NotReady(f"{home.path} is gone")
        home.write_state(msgspec.structs.replace(mine, ready=True))


def _found(home: Home, state_dir: Path, tell: Tell) -> Running:
    for guest in running(state_dir, tell):
        if guest.name == home.name:
            return guest
    raise NotReady(f"{home.name} ended just when it was ready")


def _fitted(guest: LabGuest, wish: Wish) -> LabGuest:
    """Return the guest with the port that was asked for."""
    if wish.port is None:
        return guest
    if not isinstance(guest.image, BootSector) or "PORT" not in dict(guest.image.defines):
        raise LabError(f"{guest.name} reads no port that could be chosen", "only pio-poll does")
    if not 0 <= wish.port <= 0xFFFF:
        raise LabError(f"{wish.port:#x} is no I/O port", "ports go from 0 to 0xffff")
    image = msgspec.structs.replace(guest.image, defines=(("PORT", wish.port),))
    return msgspec.structs.replace(guest, image=image)


def _check_host(guest: LabGuest) -> None:
    """Refuse what cannot work here before anything is made."""
    if guest.needs_kvm and (trouble := kvm_trouble()):
        raise NeedsKvm(f"{guest.name} needs KVM, and {trouble}", "be root or in the group kvm, on a host with KVM")
    for prop in guest.props:
        prop.check()


@contextlib.contextmanager
def _undone_unless_finished(home: Home) -> Iterator[State | None]:
    """Remove the guest unless the block ends well; give its state now. Ctrl-C waits while we clear up.

    Where somebody stopped it meanwhile, and perhaps started another of that name, the folder is not ours any more.
    """
    mine = home.state()
    try:
        yield mine
    except BaseException as error:
        if home.state() == mine:
            with _no_interrupts():
                home.remove()
        elif isinstance(error, OSError | LabError):
            raise NotReady(f"{home.name} was stopped while it started") from error
        raise


@contextlib.contextmanager
def _no_interrupts() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _prepare(guest: LabGuest, home: Home, cache: Cache, wish: Wish, tell: Tell) -> Boot:
    """Fetch and build what the guest boots."""
    if isinstance(guest.image, NoDisk):
        return Boot(accelerator=accelerator_for_boot_sectors())
    if isinstance(guest.image, BootSector):
        return Boot(accelerator=accelerator_for_boot_sectors(), sector=_disk(guest.image, home, cache, tell))
    kernel = choose_kernel(wish.kernel, cache, tell)
    initramfs = home.path / "initramfs.gz"
    initramfs.write_bytes(_initramfs(guest.image, kernel, cache, tell))
    return Boot(accelerator=Accelerator.TCG, kernel=kernel, initramfs=initramfs)


def _disk(image: BootSector, home: Home, cache: Cache, tell: Tell) -> Path:
    """Make the guest's disk image. A copy of the sector: QEMU locks an image, and an IDE disk can be written."""
    disk = home.path / image.place
    disk.write_bytes(assemble(image.source, image.defines, cache, tell).read_bytes())
    if image.disk_mib:
        os.truncate(disk, image.disk_mib << 20)
    return disk


def _initramfs(image: Linux, kernel: Path, cache: Cache, tell: Tell) -> bytes:
    busybox = choose_busybox(cache, tell)
    programs = {name: assemble(name, (), cache, tell).read_bytes() for name in image.programs}
    modules = choose_modules(image.modules, kernel, cache, tell)
    return make_initramfs(busybox.read_bytes(), image.script, programs, answers=image.answers, modules=modules)


def _boot(guest: LabGuest, stage: Stage, prepare: Callable[[], Boot], given: Path | None) -> ProcessId:
    """Start props and QEMU and wait until the guest shows its sign; once more when it hangs on the way."""
    home, qemu = stage.home, find_qemu(stage.folder, given)
    for attempt in range(1, _TRIES + 1):
        argv = command_line(qemu, guest, _set_up(guest, stage, prepare), home)
        stage.tell(f"booting {home.name}" + (f", try {attempt}" if attempt > 1 else ""))
        stage.process = process = spawn(argv, home)
        if _becomes_ready(guest, process, argv, home):
            return process
        console = shown(home.console)
        home.forget_boot()
    hint = f"is this host very busy? The end of the guest's console:\n{console or '(empty)'}"
    raise NotReady(f"{home.name} did not come so far within {_BOOT_LIMIT_S:g} s, {_TRIES} times", hint)


def _set_up(guest: LabGuest, stage: Stage, prepare: Callable[[], Boot]) -> Boot:
    """Do what props do before there is a QEMU, and make what the guest boots in between."""
    for prop in guest.props:
        prop.before_image(stage)
    boot = prepare()
    for prop in guest.props:
        prop.before_qemu(stage)
    return boot


def _becomes_ready(guest: LabGuest, process: ProcessId, argv: Sequence[str], home: Home) -> bool:
    """Whether the guest shows its sign in time; ``LaunchFailed`` when QEMU ends."""
    log = home.path / guest.ready.file

    def is_ready() -> bool:
        return shows(log, guest.ready.pattern, guest.ready.times)

    wait_until(lambda: is_ready() or not is_alive(process), _BOOT_LIMIT_S)
    if not is_alive(process):
        raise LaunchFailed(argv, shown(home.qemu_log), last_words(home.console))
    return is_ready()
