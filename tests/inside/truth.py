"""What a real Linux guest says of itself: held against what is read from outside, by all real tests of the way inside.

The lab's guest ``truth`` (or any with a shell) answers; nothing here reads its memory. Each answer is of the moment when
it is asked for. ``CRAZYTRAIN_KERNELS`` (paths of kernels, with colons between) says which kernels the tests boot; without
it, the lab's own.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from crazytrain import lab
from crazytrain.lab.files import BULK, SHELL
from crazytrain.lab.props.disk import DEVICE
from crazytrain.lab.shell import Shell
from tests.lab.conftest import silent

_STAT = re.compile(r"^(\d+) \((.*)\) (\S) (.*)$", re.DOTALL)
_CLOCKSOURCE = "/sys/devices/system/clocksource/clocksource0"
_TICKS_PER_S = 100  # USER_HZ
_USER, _NICE, _SYSTEM, _IDLE, _IOWAIT, _IRQ, _SOFTIRQ, _STEAL = range(8)


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One process by its /proc/PID/stat: state is a letter, time is user and system in ticks of 10 ms."""

    pid: int
    comm: str
    state: str
    parent: int
    ticks: int
    cpu: int
    is_kernel_thread: bool


class Cpu(msgspec.Struct, frozen=True, kw_only=True):
    """One CPU's time by /proc/stat, in ns."""

    user_ns: int
    system_ns: int
    idle_ns: int
    steal_ns: int


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """One line of /proc/PID/maps."""

    start: int
    end: int
    rights: str
    offset: int
    path: str


class Truth:
    """The guest's own answers, on an open shell."""

    def __init__(self, guest: lab.Running, shell: Shell) -> None:
        self.guest = guest
        self.run = shell.run

    def bulk(self, command: str) -> bytes:
        """What a command prints in the guest, however long (up to 64 MiB), by way of its disk."""
        self.run(f"{command} >/bulk && dd if=/bulk of={DEVICE} bs=64k conv=fsync", limit_s=180)
        size = int(self.run("wc -c </bulk"))
        self.run("busybox rm /bulk")
        with (self.guest.folder / BULK).open("rb") as file:
            data = file.read(size)
        assert len(data) == size
        return data

    def kallsyms(self) -> list[str]:
        """Every line of /proc/kallsyms, in its order: ``ffffffff81000000 T _text``, modules with ``\\t[name]``."""
        return self.bulk("cat /proc/kallsyms").decode("ascii").splitlines()

    def tasks(self) -> dict[int, Task]:
        """Every process, by pid. The shell's own child that prints this is among them."""
        said = self.run("for f in /proc/[0-9]*/stat; do cat $f 2>/dev/null; done; true")
        found = (_STAT.match(line) for line in said.splitlines())
        tasks = (_task(int(one[1]), one[2], one[3], one[4].split()) for one in found if one)
        return {task.pid: task for task in tasks}

    def cpus(self) -> list[Cpu]:
        """Each CPU's time, CPU 0 first."""
        lines = re.findall(r"^cpu\d+ (.+)$", self.run("cat /proc/stat"), re.MULTILINE)
        return [_cpu([int(word) * (1_000_000_000 // _TICKS_PER_S) for word in line.split()]) for line in lines]

    def dmesg(self) -> list[str]:
        """Every line of the kernel's log, each with its time in brackets."""
        return self.bulk("dmesg").decode("utf-8", "backslashreplace").splitlines()

    def clocksource(self) -> str:
        """The one in use: ``tsc``."""
        return self.run(f"cat {_CLOCKSOURCE}/current_clocksource").strip()

    def clocksources(self) -> list[str]:
        """Those that could be used, best first."""
        return self.run(f"cat {_CLOCKSOURCE}/available_clocksource").split()

    def uptime_s(self) -> float:
        """Seconds since its boot, time asleep included."""
        return float(self.run("cat /proc/uptime").split()[0])

    def wall_s(self) -> int:
        """The time of day by the guest's clock, in seconds since 1970."""
        return int(self.run("busybox date +%s"))

    def banner(self) -> str:
        """/proc/version: ``Linux version ...``, without the end of line."""
        return self.run("cat /proc/version").rstrip("\n")

    def stack(self, pid: int) -> list[str]:
        """The functions that a sleeping process is in, the innermost first: ``do_nanosleep+0x5f/0xd0`` each."""
        return re.findall(r"^\[<0>\] (\S+)", self.run(f"cat /proc/{pid}/stack"), re.MULTILINE)

    def maps(self, pid: int) -> list[Mapping]:
        """A process' memory mappings, lowest first."""
        lines = self.run(f"cat /proc/{pid}/maps").splitlines()
        return [_mapping(line) for line in lines]

    def pids(self, comm: str) -> list[int]:
        """The processes of that name, lowest first."""
        return sorted(pid for pid, task in self.tasks().items() if task.comm == comm)


def kernels() -> list[Path | None]:
    """Those to test: ``None`` is the lab's own."""
    given = [Path(path) for path in os.environ.get("CRAZYTRAIN_KERNELS", "").split(":") if path]
    return [*given] if given else [None]


KERNELS = [
    pytest.param(kernel, id=_name) for kernel in kernels() for _name in [kernel.parent.name if kernel else "lab"]
]
"""For ``pytest.mark.parametrize("kernel", KERNELS)`` or a fixture's ``params``."""


def start_guest(kind: str, state_dir: Path, cache_dir: Path, kernel: Path | None = None) -> lab.Running:
    """Start a lab guest with this kernel (``None``: the lab's own)."""
    return lab.start(kind, state_dir=state_dir, cache_dir=cache_dir, tell=silent, wish=lab.Wish(kernel=kernel))


@contextmanager
def ask(guest: lab.Running) -> Iterator[Truth]:
    """Ask a guest that has a shell. One at a time: QEMU serves one client, who leaves at the end of the block."""
    with Shell(guest.folder / SHELL) as shell:
        yield Truth(guest, shell)


def _task(pid: int, comm: str, state: str, rest: list[str]) -> Task:
    kernel_thread = 0x0020_0000  # PF_KTHREAD
    return Task(
        pid=pid,
        comm=comm,
        state=state,
        parent=int(rest[0]),
        ticks=int(rest[10]) + int(rest[11]),
        cpu=int(rest[35]),
        is_kernel_thread=bool(int(rest[5]) & kernel_thread),
    )


def _cpu(spent_ns: list[int]) -> Cpu:
    return Cpu(
        user_ns=spent_ns[_USER] + spent_ns[_NICE],
        system_ns=spent_ns[_SYSTEM] + spent_ns[_IRQ] + spent_ns[_SOFTIRQ],
        idle_ns=spent_ns[_IDLE] + spent_ns[_IOWAIT],
        steal_ns=spent_ns[_STEAL],
    )


def _mapping(line: str) -> Mapping:
    span, rights, offset, _device, _inode, *path = line.split(maxsplit=5)
    start, end = (int(word, 16) for word in span.split("-"))
    return Mapping(start=start, end=end, rights=rights, offset=int(offset, 16), path="".join(path))
