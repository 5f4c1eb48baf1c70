"""Probes of ``doctor``: the host's own figures, its log, the lab's tools, and where cases are kept."""

import re
from collections.abc import Awaitable, Callable

from crazytrain.collect.ability_probe import Scene, Seen, no, part, text_of, yes
from crazytrain.collect.ability_rights import AS_ROOT
from crazytrain.model.figures import size

_CLOCKS = "/sys/devices/system/clocksource/clocksource0"
_FAST_CLOCKS = ("tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter", "timebase", "stp", "tod")
_LEAST = (5, 3)
_SINCE = (
    (_LEAST, "no pidfd (5.3): no command can be started that surely ends with us, so nothing is traced"),
    ((5, 8), "no CAP_BPF and CAP_PERFMON (5.8): counting in the kernel takes CAP_SYS_ADMIN"),
    ((5, 14), "QEMU cannot hand out KVM's counters (5.14)"),
)
_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})")
_LITTLE_BYTES = 64 << 20
_FOLDER_TIMEOUT_S = 1.0


def tool(program: str, package: str) -> Callable[[Scene], Awaitable[Seen]]:
    """Make the probe for a program that is only needed as it is."""

    async def ask(scene: Scene) -> Seen:
        where = scene.host.which(program)
        return yes(where) if where else no("not installed", f"apt-get install {package}")

    return ask


async def kernel(scene: Scene) -> Seen:
    """Whether this kernel is old enough to lack something; what distributions brought back to older ones is not known."""
    release = text_of(scene.host, "/proc/sys/kernel/osrelease") or ""
    found = _VERSION.match(release)
    if found is None:
        return part(f"its version is not told: {release or 'nothing'}")
    version = int(found[1]), int(found[2])
    lacks = [what for since, what in _SINCE if version < since]
    if not lacks:
        return yes(release)
    return (no if version < _LEAST else part)(
        f"{release}: {'; '.join(lacks)}", "# boot a newer kernel of the distribution"
    )


async def perf(scene: Scene) -> Seen:
    """The program, and whether the kernel lets it count."""
    host = scene.host
    where = host.which("perf")
    if where is None:
        return no("not installed", "apt-get install linux-perf")
    level = text_of(host, "/proc/sys/kernel/perf_event_paranoid")
    if level is None:
        return no(f"{where}, but this kernel has no performance events")
    if host.may("CAP_PERFMON") or host.may("CAP_SYS_ADMIN") or level in ("-1", "0"):
        return yes(where)
    found = f"{where}, for processes of this user at most (kernel.perf_event_paranoid={level})"
    return part(found, "sysctl kernel.perf_event_paranoid=0  # until reboot; or run as root")


async def pressure(scene: Scene) -> Seen:
    """Pressure stall information: how long tasks waited for CPU, memory, I/O."""
    try:
        scene.host.read("/proc/pressure/cpu", 256)
    except OSError as error:
        remedy = "# add psi=1 to GRUB_CMDLINE_LINUX in /etc/default/grub, then: update-grub && reboot"
        return no(f"/proc/pressure/cpu: {error.strerror}", remedy)
    return yes("/proc/pressure")


async def run_delay(scene: Scene) -> Seen:
    """Per-thread time on and waiting for a CPU."""
    told = text_of(scene.host, "/proc/self/schedstat")
    if told is None:
        return no("this kernel keeps none (CONFIG_SCHED_INFO)")
    if told.split()[:1] == ["0"]:
        return no("switched off", "sysctl kernel.task_delayacct=1  # until reboot")
    return yes("/proc/PID/task/TID/schedstat")


async def clocksource(scene: Scene) -> Seen:
    """The clock that the host itself runs on."""
    current = text_of(scene.host, f"{_CLOCKS}/current_clocksource")
    if not current:
        return part("not told")
    others = (text_of(scene.host, f"{_CLOCKS}/available_clocksource") or "").split()
    found = f"{current} (available: {', '.join(others)})" if others else current
    if current in _FAST_CLOCKS:
        return yes(found)
    if "tsc" in others:
        return part(f"{found}: slow to read", f"echo tsc >{_CLOCKS}/current_clocksource")
    return part(
        f"{found}: slow to read", "journalctl -k | grep -i -e tsc -e clocksource  # why the kernel gave up the TSC"
    )


async def kernel_log(scene: Scene) -> Seen:
    """Whether the kernel's messages can be read (opening is what is checked)."""
    try:
        scene.host.read("/dev/kmsg", 0)
    except PermissionError:
        setting = text_of(scene.host, "/proc/sys/kernel/dmesg_restrict")
        found = f"not for this user (kernel.dmesg_restrict={setting or 'unknown'})"
        return no(found, f"{AS_ROOT}\nsysctl kernel.dmesg_restrict=0  # or: for everybody, until reboot")
    except OSError as error:
        return no(f"/dev/kmsg: {error.strerror}")
    return yes("can be read")


async def case_folder(scene: Scene) -> Seen:
    """Whether a case can be kept."""
    room = await scene.host.patiently(scene.room, _FOLDER_TIMEOUT_S)
    if not room.writable:
        return no(f"{room.path} cannot be written to", "export CRAZYTRAIN_STATE=/a/folder/of/yours")
    if room.free_bytes < _LITTLE_BYTES:
        return part(f"{room.path}, only {size(room.free_bytes)} free", "crazytrain case list  # what could go")
    return yes(f"{room.path}, {size(room.free_bytes)} free")
