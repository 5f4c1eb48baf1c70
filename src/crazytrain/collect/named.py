"""Which guests a command names, so that their evidence is kept before it runs.

Whole words only: ``virsh reset web1`` never means the guest web10. A word that names no running guest names nothing.
"""

from collections.abc import Awaitable, Callable, Sequence

from crazytrain.collect import named_managers, named_processes
from crazytrain.collect.command_line_words import is_shell, shell_commands, unwrapped
from crazytrain.collect.named_words import Asked, Tell, whole_words
from crazytrain.host.door import Host
from crazytrain.model.guest import Guest

_MAX_DEPTH = 5

_READERS: dict[str, Callable[[Asked], Awaitable[list[Guest]]]] = {
    "virsh": named_managers.virsh,
    "qm": named_managers.proxmox,
    "pct": named_managers.proxmox,
    "pvesh": named_managers.proxmox_path,
    "ha-manager": named_managers.proxmox_path,
    "machinectl": named_managers.machinectl,
    "systemctl": named_processes.systemctl,
    "service": named_processes.systemctl,
    "kill": named_processes.kill,
    **dict.fromkeys(("pkill", "killall", "skill"), named_processes.by_pattern),
    **dict.fromkeys(("ssh", "mosh", "rsh"), named_processes.on_another_host),
}


async def named(
    host: Host, guests: Sequence[Guest], argv: Sequence[str], tell: Tell = lambda _: None
) -> tuple[Guest, ...]:
    """Find the running guests that a command names, in the order of ``guests``; none where it names none.

    Args:
        host: the machine; asked for control groups, threads and (for libvirt's numbers) ``virsh domname``, 2 s at most.
        guests: who runs.
        argv: the command, program first.
        tell: gets a sentence where something of the command was not followed (a process group, another host).
    """
    found = await _named(host, guests, argv, tell, 0)
    return tuple(guest for guest in guests if guest in found)


async def _named(host: Host, guests: Sequence[Guest], argv: Sequence[str], tell: Tell, depth: int) -> list[Guest]:
    program, words = unwrapped(argv, frozenset(_READERS))
    asked = Asked(host, guests, program, words, tell, depth)
    if is_shell(program) and depth < _MAX_DEPTH:
        return await _in_shell(asked)
    if program.startswith("virt-"):
        return await named_managers.libvirt_tool(asked)
    return await _READERS.get(program, whole_words)(asked)


async def _in_shell(asked: Asked) -> list[Guest]:
    """Read every command of ``sh -c '...'``; what follows, or a script's arguments, are whole words."""
    found = await whole_words(asked)
    for argv in shell_commands(asked.words):
        found += await _named(asked.host, asked.guests, argv, asked.tell, asked.depth + 1)
    return found
