"""Probes of ``doctor``: counting in the kernel."""

from crazytrain.collect.ability_probe import (
    Scene,
    Seen,
    euid,
    in_user_namespace,
    may_trace,
    mounts,
    names_in,
    no,
    part,
    text_of,
    yes,
)
from crazytrain.collect.ability_rights import AS_ROOT
from crazytrain.host.door import Finished, Host
from crazytrain.model.evidence import Outcome

_MOUNT = "mount -t tracefs tracefs /sys/kernel/tracing"
_GROUPS = {
    "kvm": "modprobe kvm_intel || modprobe kvm_amd",
    "raw_syscalls": "# this kernel was built without CONFIG_FTRACE_SYSCALLS: boot a kernel of the distribution",
    "sched": "# this kernel was built without scheduler tracepoints: boot a kernel of the distribution",
}
_TRIAL = "tracepoint:sched:sched_switch { exit(); }"
_TRIAL_TIMEOUT_S = 2.0
_VERSION_TIMEOUT_S = 1.5
_ANSWER_BYTES = 4096
_LIFTS_LOCKDOWN = (
    "# take lockdown=... out of GRUB_CMDLINE_LINUX in /etc/default/grub, then: update-grub && reboot\n"
    "# where Secure Boot brought it: mokutil --disable-validation, then reboot and confirm"
)

_AS_USER_0 = (
    "# bpftrace before 0.25 looks for user 0, not for capabilities. Either a newer one, or run crazytrain as user 0 with\n"
    "# these four capabilities and no other: see packaging/crazytrain-why@.service"
)


async def tracefs(scene: Scene) -> Seen:
    """The file system through which tracepoints are found."""
    host = scene.host
    place = _tracefs(host)
    if place:
        return _listed(host, place)
    if "tracefs" not in (text_of(host, "/proc/filesystems") or "tracefs").split():
        return no("this kernel has none", "# boot a kernel of the distribution (CONFIG_FTRACE)")
    if host.may("CAP_SYS_ADMIN") and not in_user_namespace(host):
        return part(
            "not mounted; crazytrain mounts it for itself alone when needed", f"{_MOUNT}  # for all, until reboot"
        )
    return no("not mounted", _MOUNT)


def _tracefs(host: Host) -> str:
    """Where it is mounted; the usual place first."""
    places = [place for place, _ in mounts(host, "tracefs")]
    return "/sys/kernel/tracing" if "/sys/kernel/tracing" in places else next(iter(places), "")


def _listed(host: Host, place: str) -> Seen:
    try:
        host.names(f"{place}/events")
    except PermissionError as error:
        remedy = _LIFTS_LOCKDOWN if _lockdown(host) == "confidentiality" else AS_ROOT
        return no(f"{place} may not be read: {error.strerror}", remedy)
    except OSError as error:
        return no(f"{place} cannot be read: {error.strerror}")
    return yes(place)


async def tracepoints(scene: Scene) -> Seen:
    """The three groups of events that are counted."""
    host = scene.host
    place = _tracefs(host)
    events = names_in(host, f"{place}/events") if place else ()
    if not events:
        return part("cannot be seen without tracefs: looked for when needed") if not place else no("cannot be seen")
    lacking = [group for group in _GROUPS if group not in events]
    if not lacking:
        return yes(", ".join(_GROUPS))
    remedy = "\n".join(_GROUPS[group] for group in lacking)
    found = f"no {', '.join(lacking)}"
    return part(found, remedy) if len(lacking) < len(_GROUPS) else no(found, remedy)


async def bpftrace(scene: Scene) -> Seen:
    """The program and its version."""
    host = scene.host
    where = host.which("bpftrace")
    if where is None:
        return no("not installed", "apt-get install bpftrace")
    told = await host.run(("bpftrace", "--version"), timeout_s=_VERSION_TIMEOUT_S, limit_bytes=_ANSWER_BYTES)
    if told.outcome is not Outcome.OK or told.status != 0:
        return part(
            f"{where}, but it does not tell its version: {_complaint(told)}", "apt-get --reinstall install bpftrace"
        )
    return yes(f"{where}, {told.stdout.decode('utf-8', 'backslashreplace').strip()}")


async def btf(scene: Scene) -> Seen:
    """The kernel's description of its own types."""
    try:
        scene.host.read("/sys/kernel/btf/vmlinux", 16)
    except FileNotFoundError:
        return part("this kernel has none (CONFIG_DEBUG_INFO_BTF): counting at tracepoints works without")
    except OSError as error:
        return part(f"may not be read: {error.strerror}", AS_ROOT)
    return yes("/sys/kernel/btf/vmlinux")


async def lockdown(scene: Scene) -> Seen:
    """How far the kernel is locked even for root (Secure Boot brings ``integrity`` on Debian)."""
    host = scene.host
    level = _lockdown(host)
    if level == "none":
        return yes("none")
    if level == "integrity":
        why = "integrity: KVM's counters in debugfs and writing guest memory are shut; counting at tracepoints works"
        return part(why, _LIFTS_LOCKDOWN)
    if level:
        return no(f"{level}: even root may not trace the kernel", _LIFTS_LOCKDOWN)
    if mounts(host, "securityfs"):
        return yes("this kernel has none")
    return part("not known: securityfs is not mounted", "mount -t securityfs securityfs /sys/kernel/security")


def _lockdown(host: Host) -> str:
    """Give the level in brackets of ``none [integrity] confidentiality``; empty where it is not told."""
    told = text_of(host, "/sys/kernel/security/lockdown") or ""
    return told.partition("[")[2].partition("]")[0]


async def bpf(scene: Scene) -> Seen:
    """Whether the kernel takes a program: judged by rights and locks, then tried with one that ends at once."""
    host = scene.host
    if _lockdown(host) == "confidentiality":
        return no("shut by kernel lockdown (confidentiality): programs may not read the kernel", _LIFTS_LOCKDOWN)
    if not may_trace(host):
        setting = text_of(host, "/proc/sys/kernel/unprivileged_bpf_disabled")
        also = f" (kernel.unprivileged_bpf_disabled={setting})" if setting not in (None, "0") else ""
        return no(f"needs root on the host itself, or CAP_BPF and CAP_PERFMON{also}", AS_ROOT)
    if host.which("bpftrace") is None or not _tracefs(host):
        return part("allowed, as far as rights tell; not tried, for bpftrace or tracefs is missing")
    return await _tried(host)


async def _tried(host: Host) -> Seen:
    told = await host.run(("bpftrace", "-e", _TRIAL), timeout_s=_TRIAL_TIMEOUT_S, limit_bytes=_ANSWER_BYTES)
    if told.outcome is Outcome.TIMED_OUT:
        return part(
            f"a trial program was not attached within {_TRIAL_TIMEOUT_S:g} s: the host is loaded, or events are shut"
        )
    if b"running as the root user" in told.stderr and euid(host) != 0:
        return no(f"this bpftrace wants user 0, whatever capabilities user {euid(host)} has", _AS_USER_0)
    if told.status != 0 or told.outcome is not Outcome.OK:
        return no(f"a trial program was refused: {_complaint(told)}", AS_ROOT if euid(host) != 0 else "")
    return yes(f"a trial program was attached and taken away in {told.took_ns / 1e9:.1f} s")


def _complaint(told: Finished) -> str:
    """What a command said last, without bpftrace's harmless remark about locked memory."""
    lines = [line.strip() for line in told.stderr.decode("utf-8", "backslashreplace").splitlines()]
    said = [line for line in lines if line and "RLIMIT_MEMLOCK" not in line]
    return said[-1] if said else told.detail or f"exit status {told.status}"
