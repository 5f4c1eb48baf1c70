"""Worlds for doctor: a healthy host as root sees it, and what is different about it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from crazytrain.collect.abilities import abilities
from crazytrain.collect.ability_probe import Room
from crazytrain.decode.command_line import config_of
from crazytrain.host.door import Finished
from crazytrain.host.fake import FakeHost
from crazytrain.model.ability import Ability, State
from crazytrain.model.evidence import Outcome
from tests.collect.making import DENIED, HOST_FILES, process

YES, PART, NO = State.YES, State.PART, State.NO
CAPABILITIES = ("CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_BPF", "CAP_PERFMON")
MOUNTS = (
    b"22 27 0:21 / /proc rw,relatime - proc proc rw\n"
    b"42 23 0:13 / /sys/kernel/tracing rw,relatime shared:3 - tracefs tracefs rw\n"
    b"43 23 0:7 / /sys/kernel/security rw,relatime - securityfs securityfs rw\n"
)
QMP = "unix:/run/web01.qmp,server=on,wait=off"
WEB01 = process(700, "qemu-system-x86", ("/usr/bin/qemu-system-x86_64", "-name", "web01", "-qmp", QMP))
CLOCKS = "/sys/devices/system/clocksource/clocksource0"

FILES: dict[str, bytes | OSError] = {
    **HOST_FILES,
    **WEB01,
    "/proc/self/status": b"Name:\tpython\nUid:\t0\t0\t0\t0\n",
    "/proc/self/mountinfo": MOUNTS,
    "/proc/self/schedstat": b"86768 3645224 2\n",
    "/proc/pressure/cpu": b"some avg10=0.00\n",
    "/proc/cpuinfo": b"flags\t\t: fpu vmx\n\n",
    "/proc/filesystems": b"nodev\tproc\nnodev\ttracefs\n\text4\n",
    "/proc/sys/kernel/osrelease": b"6.1.0-28-amd64\n",
    "/proc/sys/kernel/perf_event_paranoid": b"3\n",
    "/proc/sys/kernel/dmesg_restrict": b"1\n",
    "/proc/sys/kernel/unprivileged_bpf_disabled": b"2\n",
    "/sys/module/kvm/refcnt": b"1\n",
    "/sys/module/kvm_intel/refcnt": b"1\n",
    "/sys/kernel/tracing/events/kvm/enable": b"0\n",
    "/sys/kernel/tracing/events/raw_syscalls/enable": b"0\n",
    "/sys/kernel/tracing/events/sched/enable": b"0\n",
    "/sys/kernel/btf/vmlinux": b"\x9f\xeb\x01\x00",
    "/sys/kernel/security/lockdown": b"[none] integrity confidentiality\n",
    "/dev/kvm": b"",
    "/dev/kmsg": b"",
    f"{CLOCKS}/current_clocksource": b"tsc\n",
    f"{CLOCKS}/available_clocksource": b"tsc hpet acpi_pm\n",
}
LINKS: dict[str, str | OSError] = {
    "/proc/self/ns/user": "user:[4026531837]",
    "/proc/self/ns/pid": "pid:[4026531836]",
    "/proc/self/ns/mnt": "mnt:[1]",
    "/proc/700/ns/mnt": "mnt:[1]",
    "/proc/700/root": "/",
    "/proc/700/exe": "/usr/bin/qemu-system-x86_64",
    "/proc/700/fd/3": "anon_inode:[eventpoll]",
}


def done(
    stdout: bytes = b"", *, status: int | None = 0, stderr: bytes = b"", outcome: Outcome = Outcome.OK
) -> Finished:
    return Finished(status=status, stdout=stdout, stderr=stderr, outcome=outcome, took_ns=400_000_000)


TOOLS = {
    **{name: done() for name in ("strace", "perf", "gdb", "nasm", "busybox", "qemu-system-x86_64")},
    "bpftrace": done(b"bpftrace v0.17.0\n"),
    "virsh": done(b"qemu:///system\n"),
}


def room() -> Room:
    return Room(path="/var/lib/crazytrain/cases", writable=True, free_bytes=5 << 30)


class World:
    """A healthy host, and what is different about it."""

    def __init__(self, *, capabilities: Sequence[str] = CAPABILITIES, room: Callable[[], Room] = room) -> None:
        self.host = FakeHost(FILES, links=LINKS, commands=TOOLS, capabilities=capabilities)
        self.host.monitors["/run/web01.qmp"] = (b"", Outcome.OK, "")
        self.room = room

    def without(self, *starts: str) -> "World":
        for kept in (self.host.files, self.host.links, self.host.commands):
            for name in [name for name in kept if name.startswith(starts)]:
                del kept[name]
        return self

    def having(self, files: Mapping[str, bytes | OSError]) -> "World":
        self.host.files.update(files)
        return self

    def linked(self, links: Mapping[str, str | OSError]) -> "World":
        self.host.links.update(links)
        return self

    def running(self, **commands: Finished) -> "World":
        self.host.commands.update(commands)
        return self

    def rows(self) -> dict[str, Ability]:
        return {row.name: row for row in asyncio.run(abilities(self.host, config_of, self.room))}

    def row(self, name: str) -> tuple[State, str, str]:
        found = self.rows()[name]
        return found.state, found.found, found.remedy


def user(**changes: bytes | OSError) -> World:
    """Look as an ordinary user, on a host that is otherwise as root sees it."""
    denied = dict.fromkeys(("/dev/kvm", "/dev/kmsg", "/sys/kernel/tracing/events"), DENIED)
    world = World(capabilities=()).having({"/proc/self/status": b"Uid:\t1000\t1000\t1000\t1000\n", **denied, **changes})
    return DenyingNames.into(world, "/proc/700/fd", "/sys/kernel/tracing/events")


class DenyingNames(FakeHost):
    """A host on which some folders may not be listed."""

    denied: tuple[str, ...] = ()

    @classmethod
    def into(cls, world: World, *denied: str) -> World:
        plain = world.host
        world.host = host = cls(
            plain.files, links=plain.links, commands=plain.commands, capabilities=[*plain.capabilities]
        )
        host.monitors = plain.monitors
        host.denied = denied
        return world

    def names(self, path: str) -> tuple[str, ...]:
        if path in self.denied:
            raise DENIED
        return super().names(path)
