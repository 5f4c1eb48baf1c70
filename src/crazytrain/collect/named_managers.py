"""Whom the commands of those who manage guests name: libvirt, Proxmox, systemd's machines."""

import re
from collections.abc import Iterator, Sequence

from crazytrain.collect.command_line_words import after_options, shell_commands, with_values
from crazytrain.collect.discover import proxmox_id
from crazytrain.collect.named_words import Asked, by_word, whole_words
from crazytrain.model.evidence import Outcome
from crazytrain.model.guest import Guest, Manager

_DOMNAME_TIMEOUT_S = 2.0
_ANSWER_BYTES = 4096
_VIRSH_VALUES = frozenset(
    ("-c", "--connect", "-d", "--debug", "-e", "--escape", "-k", "--keepalive-interval", "-K", "--keepalive-count")
) | {"-l", "--log"}
_VIRSH_CONNECT = ("-c", "--connect")
_NO_DOMAIN = re.compile(r"(?:net|pool|vol|iface|nwfilter|secret|nodedev|node|hypervisor)-.*|node\w+|find-storage-.*")
_URI_HOST = re.compile(r"[a-z]+(?:\+[a-z0-9]+)?://(?:[^/@]*@)?(?P<host>\[[^\]]*\]|[^/:?]+)")
_THIS_HOST = frozenset(("localhost", "127.0.0.1", "[::1]"))
_PROXMOX_PATH = re.compile(r"(?:.*/qemu/|vm:)(\d+)(?:/.*)?")
_MACHINE = re.compile(r"qemu-\d+-(?P<name>.+)")


async def libvirt_tool(asked: Asked) -> list[Guest]:
    """``virt-xml web01 ...``, ``virt-clone --original web01``: whole words, and another host is another host."""
    if _is_remote(asked, _VIRSH_CONNECT):
        return []
    return [guest for word in with_values(asked.words) for guest in by_word(asked.guests, word, pids=False)]


async def virsh(asked: Asked) -> list[Guest]:
    """``virsh [OPTION]... COMMAND [ARG]...``, or several commands with ``;`` in one word."""
    if _is_remote(asked, _VIRSH_CONNECT):
        return []
    options, rest = after_options(asked.words, _VIRSH_VALUES)
    commands = list(shell_commands(("-c", rest[0]))) if len(rest) == 1 and " " in rest[0] else [rest]
    found: list[Guest] = []
    for words in commands:
        if words and not _NO_DOMAIN.fullmatch(words[0]):
            found += await _domain(asked, options, words[1:])
    return found


async def _domain(asked: Asked, options: Sequence[str], words: Sequence[str]) -> list[Guest]:
    """Find the domain among a virsh command's arguments: what ``--domain`` says, or the first word that fits.

    Later words may be names of other things (a snapshot, a file) that are called like a guest.
    """
    given = [words[i + 1] for i, word in enumerate(words[:-1]) if word == "--domain"]
    given += [word.removeprefix("--domain=") for word in words if word.startswith("--domain=")]
    for word in given or _candidates(words):
        found = by_word(asked.guests, word, pids=False)
        if not found and word.isdecimal():
            found = await _by_number(asked, options, word)
        if found:
            return found
    return []


def _candidates(words: Sequence[str]) -> list[str]:
    """Words that may be the domain; those behind an option come last, for they may be its value (``--period 5 web01``)."""
    behind = [before.startswith("-") for before in ("", *words)]
    plain = [(late, word) for late, word in zip(behind, words, strict=False) if word and not word.startswith("-")]
    return [word for _, word in sorted(plain, key=lambda pair: pair[0])]


async def _by_number(asked: Asked, options: Sequence[str], number: str) -> list[Guest]:
    """Resolve libvirt's number of a running domain: it stands in the guest's paths; else libvirt is asked, with a bound."""
    mark = f"/domain-{number}-"
    marked = [g for g in asked.guests if g.manager is Manager.LIBVIRT and any(mark in word for word in g.command_line)]
    if len(marked) == 1:
        return marked
    argv = ("virsh", *options, "domname", number)
    told = await asked.host.run(argv, timeout_s=_DOMNAME_TIMEOUT_S, limit_bytes=_ANSWER_BYTES)
    if told.outcome is not Outcome.OK:
        asked.tell(f"libvirt did not say which guest has the number {number}: {told.detail or told.outcome.value}")
    name = told.stdout.decode("utf-8", "replace").strip()
    return by_word(asked.guests, name, pids=False) if told.status == 0 else []


def _is_remote(asked: Asked, options: Sequence[str]) -> bool:
    """Whether the command talks to the libvirt of another host."""
    words = asked.words
    uris = [words[i + 1] for i, word in enumerate(words[:-1]) if word in options]
    uris += [word.removeprefix("--connect=") for word in words if word.startswith("--connect=")]
    here = _THIS_HOST | {guest.host for guest in asked.guests}
    remote = next((uri for uri in uris if (found := _URI_HOST.match(uri)) and found["host"] not in here), "")
    if remote:
        asked.tell(f"{asked.program} talks to another host ({remote}): its guests are not here")
    return bool(remote)


async def proxmox(asked: Asked) -> list[Guest]:
    """``qm COMMAND VMID``, ``pct``: the first number that is one of a running guest."""
    return _first_vmid(asked, (word for word in asked.words if word.isdecimal()))


async def proxmox_path(asked: Asked) -> list[Guest]:
    """``pvesh create /nodes/a/qemu/100/status/stop``, ``ha-manager remove vm:100``."""
    return _first_vmid(asked, (found[1] for word in asked.words if (found := _PROXMOX_PATH.fullmatch(word))))


def _first_vmid(asked: Asked, numbers: Iterator[str]) -> list[Guest]:
    fitting = ([guest for guest in asked.guests if proxmox_id(guest) == number] for number in numbers)
    return next((guests for guests in fitting if guests), [])


async def machinectl(asked: Asked) -> list[Guest]:
    """``machinectl terminate qemu-3-web01``: libvirt registers its guests by such names."""
    names = [found["name"] for word in asked.words if (found := _MACHINE.fullmatch(word))]
    return [guest for name in names for guest in by_word(asked.guests, name, pids=False)] or await whole_words(asked)
