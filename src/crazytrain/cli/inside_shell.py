"""``crazytrain inside --shell``: a drgn prompt on a running guest."""

import importlib.util

import msgspec

from crazytrain.cli.inside_looking import Wish, the_guest
from crazytrain.cli.screen import Progress
from crazytrain.collect.inside_monitor import asker, human_text
from crazytrain.collect.inside_ram import find_ram_map
from crazytrain.collect.inside_session import REGISTERS
from crazytrain.host import Host, LiveHost
from crazytrain.host.loop import run
from crazytrain.model.errors import CrazytrainError, MissingTool, NoSuchGuest, NotAllowed
from crazytrain.model.guest import Guest
from crazytrain.model.guest_memory import Unreadable
from crazytrain.model.inside_talk import Begin

_FOR_DRGN = "pip install 'crazytrain[deep]', or drgn (0.3 or newer) into the same Python as crazytrain"


def open_shell(wish: Wish, *, quiet: bool = False) -> None:
    """Open the prompt and wait until it is left.

    Raises:
        MissingTool: drgn is not installed.
        NoSuchGuest, NotAllowed: the guest is not there, or its memory may not be read.
        CrazytrainError: its RAM or its kernel was not found.
    """
    if importlib.util.find_spec("drgn") is None:
        raise MissingTool("--shell needs drgn, which is not installed", _FOR_DRGN)
    from crazytrain.host.guest_shell import run_shell

    progress = Progress(quiet=quiet)
    try:
        guest, begin = run(_begin(LiveHost(), wish))
        progress("finding its kernel, its symbols and types: some seconds")
        progress.done()
        status = run_shell(guest.process, msgspec.json.encode(begin))
    except PermissionError as error:
        raise NotAllowed(
            "reading the guest's memory needs CAP_SYS_PTRACE", "sudo crazytrain inside ... --shell"
        ) from error
    except ProcessLookupError as error:
        raise NoSuchGuest(f"the guest {wish.wanted} has ended") from error
    finally:
        progress.done()
    if status:
        raise CrazytrainError(
            f"the prompt ended with status {status}", "What can be read without it: crazytrain inside"
        )


async def _begin(host: Host, wish: Wish) -> tuple[Guest, Begin]:
    guest = await the_guest(host, wish.wanted)
    ask = asker(host, guest) if wish.monitor else None
    try:
        ram = await find_ram_map(host, guest, ask)
        registers = (await human_text(ask, (REGISTERS,)))[0] if ask else ""
    except Unreadable as error:
        raise CrazytrainError(str(error), "Without its monitor: crazytrain inside ... --shell --no-monitor") from error
    return guest, Begin(segments=ram.segments, registers=registers)
