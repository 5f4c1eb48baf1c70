"""Probes of ``doctor``: the guests, their monitors, KVM and libvirt."""

import asyncio

from crazytrain.collect.ability_probe import Scene, Seen, euid, names_in, no, part, text_of, yes
from crazytrain.collect.chardevs import monitors as qemu_monitors
from crazytrain.collect.chardevs import reachable
from crazytrain.host.door import Host
from crazytrain.model.evidence import Outcome
from crazytrain.model.guest import Guest, Manager

_QMP_TIMEOUT_S = 1.0
_VIRSH_TIMEOUT_S = 2.0
_ANSWER_BYTES = 4096
_LISTED = 8
_ASKED = 64
_ADVICE = (
    ("no QMP socket", "# start QEMU with: -qmp unix:/run/NAME.qmp,server=on,wait=off"),
    (
        Outcome.DENIED.value,
        "setfacl -m u:USER:rw /run/NAME.qmp  # who may write to the socket may ask; reading rights are not enough",
    ),
)
_LIBVIRT_SOCKETS = ("libvirt-sock", "virtqemud-sock")


async def guests(scene: Scene) -> Seen:
    """Who runs here."""
    found = await scene.guests()
    if not found:
        return part("none runs, or none that this user may see", "crazytrain lab start idle  # one to try things on")
    named = ", ".join(f"{guest.name or 'unnamed'} (pid {guest.pid})" for guest in found[:_LISTED])
    more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    return yes(f"{len(found)}: {named}{more}")


async def kvm(scene: Scene) -> Seen:
    """Whether ``/dev/kvm`` can be opened, and which module is behind it."""
    host = scene.host
    modules = [name for name in names_in(host, "/sys/module") if name in ("kvm", "kvm_intel", "kvm_amd")]
    behind = f"modules {', '.join(modules)}" if modules else "built into the kernel"
    try:
        host.read("/dev/kvm", 0)
    except FileNotFoundError:
        return _no_kvm(host, modules)
    except PermissionError as error:
        if euid(host) == 0:
            return no(f"/dev/kvm: {error.strerror}", "# this is a container: docker run --device /dev/kvm ...")
        return part(
            f"/dev/kvm is there, but not for this user: {error.strerror}", 'usermod -aG kvm "$USER"  # then log in anew'
        )
    except OSError as error:
        return no(f"/dev/kvm cannot be opened: {error.strerror}", "modprobe kvm_intel || modprobe kvm_amd")
    return yes(f"/dev/kvm can be opened, {behind}")


def _no_kvm(host: Host, modules: list[str]) -> Seen:
    flags = (text_of(host, "/proc/cpuinfo") or "").split()
    if not {"vmx", "svm"} & set(flags):
        why = "no /dev/kvm: this CPU offers no virtualization here"
        return no(why, "# switch it on in the firmware; on a virtual host, ask for nested virtualization")
    what = f"no /dev/kvm, though {', '.join(modules)} is loaded" if modules else "no /dev/kvm: the module is not loaded"
    return no(what, "modprobe kvm_intel || modprobe kvm_amd")


async def monitors(scene: Scene) -> Seen:
    """Whether the guests' QMP sockets answer; each is left at once, and libvirt's own are left alone."""
    found = (await scene.guests())[:_ASKED]
    if not found:
        return part("no guest runs that could be asked")
    answers = await asyncio.gather(*(_monitor(scene.host, guest) for guest in found))
    good = [guest for guest, answer in zip(found, answers, strict=True) if not answer]
    bad = [f"{guest.name or guest.pid}: {why}" for guest, why in zip(found, answers, strict=True) if why]
    if not bad:
        return yes(f"{len(good)} of {len(found)} answer")
    told = "; ".join(bad[:_LISTED]) + (f"; {len(bad) - _LISTED} more" if len(bad) > _LISTED else "")
    remedy = "\n".join(advice for word, advice in _ADVICE if word in "".join(bad))
    return part(f"{len(good)} of {len(found)} answer; {told}", remedy) if good else no(f"none answers; {told}", remedy)


async def _monitor(host: Host, guest: Guest) -> str:
    """Why a guest's monitor is not reachable; empty where it answered."""
    there = qemu_monitors(guest.command_line)
    own = [monitor.chardev.path for monitor in there if monitor.askable]
    if not own:
        libvirts = guest.manager is Manager.LIBVIRT or any(monitor.chardev.libvirts for monitor in there)
        return "libvirt's own, asked through virsh" if libvirts else "no QMP socket"
    _, outcome, detail = await host.converse(reachable(host, guest.pid, own[0]), (), timeout_s=_QMP_TIMEOUT_S)
    return "" if outcome is Outcome.OK else f"{outcome.value} ({detail})" if detail else outcome.value


async def libvirt(scene: Scene) -> Seen:
    """Whether virsh is there and the daemon answers; one that hangs is a state, not a wait."""
    host = scene.host
    here = any(socket in names_in(host, "/run/libvirt") for socket in _LIBVIRT_SOCKETS)
    where = host.which("virsh")
    if where is None:
        return (
            no("virsh is not installed", "apt-get install libvirt-clients") if here else no("no libvirt on this host")
        )
    argv = ("virsh", "-c", "qemu:///system", "uri")
    told = await host.run(argv, timeout_s=_VIRSH_TIMEOUT_S, limit_bytes=_ANSWER_BYTES)
    if told.outcome is Outcome.TIMED_OUT:
        found = f"{where}, but libvirtd did not answer within {_VIRSH_TIMEOUT_S:g} s: it hangs"
        return no(found, "systemctl status libvirtd virtqemud  # restarting it leaves the guests running")
    if told.status == 0 and told.outcome is Outcome.OK:
        return yes(f"{where}, libvirtd answers")
    said = told.stderr.decode("utf-8", "backslashreplace").strip().splitlines()
    why = said[-1].removeprefix("error: ") if said else told.detail or f"exit status {told.status}"
    if not here:
        return no(f"{where}, but no libvirtd runs: {why}")
    return no(
        f"{where}, but libvirtd refuses: {why}", 'usermod -aG libvirt "$USER"  # then log in anew' if euid(host) else ""
    )
