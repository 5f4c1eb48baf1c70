"""Probes of ``doctor``: who we are and whose processes we may read."""

import re

from crazytrain.collect.ability_probe import (
    INITIAL_PID_NAMESPACE,
    Scene,
    Seen,
    euid,
    in_user_namespace,
    mounts,
    no,
    part,
    text_of,
    yes,
)
from crazytrain.host.door import Host

AS_ROOT = "sudo crazytrain doctor  # as root"
_CAPABILITIES = ("CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_BPF", "CAP_PERFMON")
_OF_SYS_ADMIN = ("CAP_BPF", "CAP_PERFMON")  # before Linux 5.8 they were a part of it; it still does
_IN_CONTAINER = (
    "# this is a container: give it what is missing, or run crazytrain on the host itself\n"
    "docker run --pid=host --cap-add SYS_ADMIN --cap-add SYS_PTRACE --cap-add DAC_READ_SEARCH ..."
)
_HIDDEN = re.compile(r"\bhidepid=(1|2|4|noaccess|invisible|ptraceable)\b")
_READ_TIMEOUT_S = 1.0


async def privileges(scene: Scene) -> Seen:
    """Root, or the capabilities that stand for what of root is needed."""
    host = scene.host
    user = euid(host)
    if in_user_namespace(host):
        return no(f"user {_named(user)} of a user namespace: its capabilities do not count for the host", _IN_CONTAINER)
    lacking = [c for c in _CAPABILITIES if not host.may(c) and not (c in _OF_SYS_ADMIN and host.may("CAP_SYS_ADMIN"))]
    if not lacking:
        return yes("root" if user == 0 else f"user {_named(user)} with {', '.join(_CAPABILITIES)}")
    remedy = _IN_CONTAINER if user == 0 else AS_ROOT
    if len(lacking) == len(_CAPABILITIES):
        return no(f"user {_named(user)} without any of {', '.join(_CAPABILITIES)}", remedy)
    return part(f"user {_named(user)} without {', '.join(lacking)}", remedy)


def _named(user: int | None) -> str:
    return "unknown" if user is None else "0 (root)" if user == 0 else str(user)


async def other_processes(scene: Scene) -> Seen:
    """Whether we may read what a QEMU process holds; asked of each guest, or of pid 1 where none runs."""
    host = scene.host
    hidden = _hiding(host)
    if hidden and not host.may("CAP_SYS_PTRACE"):
        remedy = f"{AS_ROOT}\nmount -o remount,hidepid=0 /proc  # or: everybody may see all processes"
        return no(f"/proc is mounted with {hidden}: processes of other users are hidden", remedy)
    guests = await scene.guests()
    pids = [guest.pid for guest in guests] or [1]
    denied = [pid for pid in pids if not await _readable(host, pid)]
    whose = f"of {len(pids)} guests" if guests else "of pid 1 (no guest runs)"
    if not denied:
        return yes(f"descriptors {whose} can be read")
    if len(denied) == len(pids):
        return no(f"descriptors {whose} may not be read", AS_ROOT)
    shown = ", ".join(map(str, denied[:8])) + (", ..." if len(denied) > 8 else "")
    return part(f"descriptors of {len(denied)} of {len(pids)} guests may not be read (pid {shown})", AS_ROOT)


def _hiding(host: Host) -> str:
    options = " ".join(options for place, options in mounts(host, "proc") if place == "/proc")
    found = _HIDDEN.search(options)
    return found[0] if found else ""


async def _readable(host: Host, pid: int) -> bool:
    try:
        await host.patiently(lambda: host.names(f"/proc/{pid}/fd"), _READ_TIMEOUT_S)
    except OSError:
        return False
    return True


async def pid_namespace(scene: Scene) -> Seen:
    """Whether pids mean the same to us and to the kernel's own counting."""
    try:
        ours = scene.host.link("/proc/self/ns/pid")
    except OSError as error:
        return part(f"cannot be seen: {error.strerror or error}")
    if ours == INITIAL_PID_NAMESPACE:
        return yes("the host's own")
    why = f"{ours} is not the host's: the kernel counts by the host's pids, which cannot be matched with those here"
    return part(why, "# run crazytrain on the host itself, or the container with --pid=host")


async def strace(scene: Scene) -> Seen:
    """The program, and whether the kernel lets it attach."""
    host = scene.host
    where = host.which("strace")
    if where is None:
        return no("not installed", "apt-get install strace")
    scope = text_of(host, "/proc/sys/kernel/yama/ptrace_scope")
    if scope == "3":
        remedy = "grep -r ptrace_scope /etc/sysctl.conf /etc/sysctl.d  # take it out there, then reboot: it cannot be lowered"
        return no(f"{where}, but kernel.yama.ptrace_scope=3: nobody may attach until the next boot", remedy)
    if host.may("CAP_SYS_PTRACE"):
        return yes(where)
    if scope in ("1", "2"):
        return no(f"{where}, but kernel.yama.ptrace_scope={scope} and no CAP_SYS_PTRACE: may not attach", AS_ROOT)
    return part(f"{where}, for guests of this user only (no CAP_SYS_PTRACE)", AS_ROOT)
