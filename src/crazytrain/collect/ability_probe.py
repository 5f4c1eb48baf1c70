"""What a probe of ``doctor`` is, and what it may ask."""

from collections.abc import Awaitable, Callable

import msgspec

from crazytrain.host.door import Host
from crazytrain.model.ability import State
from crazytrain.model.guest import Guest

_PROBE_BYTES = 64 << 10
INITIAL_USER_NAMESPACE = "user:[4026531837]"  # PROC_USER_INIT_INO of linux/proc_ns.h
INITIAL_PID_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """The folder for cases: whether it (or the nearest folder above that exists) can be written to, and the space left."""

    path: str
    writable: bool
    free_bytes: int


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """What a probe may ask: the machine, its guests, the folder for cases."""

    host: Host
    guests: Callable[[], Awaitable[tuple[Guest, ...]]]
    room: Callable[[], Room]


class Seen(msgspec.Struct, frozen=True):
    """A probe's answer; see ``Ability``."""

    state: State
    found: str
    remedy: str = ""


class Probe(msgspec.Struct, frozen=True):
    """One row: its name, what it is good for, and how to see it."""

    name: str
    matters: str
    ask: Callable[[Scene], Awaitable[Seen]]


def yes(found: str) -> Seen:
    """All of it is there."""
    return Seen(State.YES, found)


def part(found: str, remedy: str = "") -> Seen:
    """It is there with limits."""
    return Seen(State.PART, found, remedy)


def no(found: str, remedy: str = "") -> Seen:
    """It is not there."""
    return Seen(State.NO, found, remedy)


def text_of(host: Host, path: str) -> str | None:
    """Read a small file as stripped text; ``None`` where it cannot be read."""
    try:
        return host.read(path, _PROBE_BYTES).decode("utf-8", "backslashreplace").strip()
    except OSError:
        return None


def names_in(host: Host, path: str) -> tuple[str, ...]:
    """Names in a folder; none where it cannot be read."""
    try:
        return host.names(path)
    except OSError:
        return ()


def euid(host: Host) -> int | None:
    """Whom the kernel takes us for; ``None`` where /proc does not tell."""
    for line in (text_of(host, "/proc/self/status") or "").splitlines():
        fields = line.split()
        if fields[:1] == ["Uid:"] and len(fields) == 5 and fields[2].isdecimal():
            return int(fields[2])
    return None


def in_user_namespace(host: Host) -> bool:
    """Whether our capabilities are those of a user namespace: they do not count for tracing the kernel."""
    try:
        return host.link("/proc/self/ns/user") != INITIAL_USER_NAMESPACE
    except OSError:
        return False


def may_trace(host: Host) -> bool:
    """Whether the kernel lets us load tracing programs: two capabilities, or the one of which they are a part."""
    allowed = host.may("CAP_SYS_ADMIN") or (host.may("CAP_BPF") and host.may("CAP_PERFMON"))
    return allowed and not in_user_namespace(host)


def mounts(host: Host, kind: str) -> list[tuple[str, str]]:
    """Where file systems of a kind are mounted, with their options (``/proc/self/mountinfo``)."""
    found = []
    for line in (text_of(host, "/proc/self/mountinfo") or "").splitlines():
        place, _, what = line.partition(" - ")
        left, right = place.split(" "), what.split(" ")
        if len(left) > 5 and len(right) > 2 and right[0] == kind:
            found.append((left[4], f"{left[5]},{right[2]}"))
    return found
