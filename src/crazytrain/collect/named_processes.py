"""Whom commands name that end processes or units: kill and its kin, systemctl; and those that run elsewhere."""

import fnmatch
import re
from collections.abc import Iterator, Sequence

from crazytrain.collect.named_words import Asked
from crazytrain.host.door import Host
from crazytrain.model.guest import Guest

_FILE_BYTES = 16 << 10
_SYSTEMD_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")
_UNIT = re.compile(r".+\.(?:service|scope|slice|socket|target|timer|mount|path|swap|device|automount)")
_KILL_VALUES = {"-s": 1, "--signal": 1, "-n": 1, "-q": 1, "--queue": 1, "--timeout": 2}


async def kill(asked: Asked) -> list[Guest]:
    """``kill [-SIGNAL] PID...``: numbers of processes, or of their threads; a process group is told and left alone."""
    found: list[Guest] = []
    for word in _targets(asked.words):
        if word.startswith("-"):
            asked.tell(f"{word} is a process group: whether a guest belongs to it is not looked up")
        elif word.isdecimal():
            pid = str(_process_of(asked.host, word))
            found += [guest for guest in asked.guests if str(guest.pid) == pid]
    return found


def _targets(words: Sequence[str]) -> Iterator[str]:
    """Words that are processes or groups (``-PID``): without options, their values, and the one ``-SIGNAL``."""
    position, signal_seen, options = 0, False, True
    while position < len(words):
        word = words[position]
        position += 1
        if not options or not word.startswith("-"):
            yield word
        elif word == "--":
            options = False
        elif word in _KILL_VALUES:
            position += _KILL_VALUES[word]
            signal_seen = signal_seen or word in ("-s", "--signal", "-n")
        elif signal_seen and word[1:].isdecimal():
            yield word
        else:
            signal_seen = signal_seen or not word.startswith("--") or word.startswith("--signal=")


def _process_of(host: Host, number: str) -> int:
    """Give the process to which a thread belongs: ``kill`` takes a thread's number (of ``top -H``) for its process."""
    try:
        status = host.read(f"/proc/{int(number)}/status", _FILE_BYTES)
    except (OSError, ValueError):
        return int(number) if len(number) < 11 else -1
    groups = (line.split()[1] for line in status.splitlines() if line.startswith(b"Tgid:") and len(line.split()) == 2)
    return int(next(groups, number))


async def by_pattern(asked: Asked) -> list[Guest]:
    """Tell that nothing is worked out: which processes a pattern fits may change until the command runs."""
    asked.tell(f"{asked.program} picks processes by a pattern: which ones is not worked out; name guests by --guest")
    return []


async def on_another_host(asked: Asked) -> list[Guest]:
    """Tell that the command's guests are not ours, though they may be called like ours."""
    asked.tell(f"{asked.program} runs its command on another host: its guests are not here")
    return []


async def systemctl(asked: Asked) -> list[Guest]:
    """Units: guests in whose control group they are, or after whom a template's instance is called."""
    if any(word in ("-H", "--host") or word.startswith("--host=") for word in asked.words):
        return await on_another_host(asked)
    units = [word for word in asked.words if word and not word.startswith("-")]
    return [guest for guest in asked.guests if any(_is_unit_of(asked.host, guest, unit) for unit in units)]


def _is_unit_of(host: Host, guest: Guest, unit: str) -> bool:
    full = unit if _UNIT.fullmatch(unit) or set("*?[") & set(unit) else f"{unit}.service"
    instance = full.rpartition(".")[0].partition("@")[2]
    if instance and guest.name in (instance, _unescaped(instance)):
        return True
    return any(fnmatch.fnmatchcase(part, full) for part in _groups(host, guest.pid))


def _unescaped(instance: str) -> str:
    r"""Read a unit's instance as systemd does: ``-`` stands for ``/``, ``\x2d`` for ``-``."""
    raw = _SYSTEMD_ESCAPE.sub(lambda found: bytes((int(found[1], 16),)), instance.replace("-", "/").encode())
    return raw.decode("utf-8", "replace")


def _groups(host: Host, pid: int) -> Iterator[str]:
    try:
        told = host.read(f"/proc/{pid}/cgroup", _FILE_BYTES).decode("utf-8", "replace")
    except OSError:
        return
    for line in told.splitlines():
        yield from line.split(":", 2)[-1].split("/")
