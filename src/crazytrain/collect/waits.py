"""What each thread of the guest waits for, and since when: several instants over the window, nothing stopped.

All of it is what the kernel keeps of a sleeping thread anyway: its state, the kernel function it sleeps in, its system call with
arguments, its kernel stack, and when it was last on a CPU. Of QEMU's own memory only what a call's argument points at is read:
a path, a timeout, the words of a lock.
"""

import struct
from collections.abc import Iterator, Sequence

import msgspec

from crazytrain.collect.look import Collector, Look
from crazytrain.collect.parts import missed, read_part
from crazytrain.collect.same import gone, still_same
from crazytrain.host.door import Host, outcome_of
from crazytrain.model.bundle import Part, pack
from crazytrain.model.evidence import Cost, Evidence, Kind, Outcome

THREAD_LIMIT = 128
_AT = (0.02, 0.35, 0.68, 1.0)  # of the window
_AT_LIGHT = (0.02, 1.0)
_READ_TIMEOUT_S = 2.0
_MUTEX_BYTES = 24  # pthread_mutex_t up to its kind
_PATH_BYTES = 512
_TIMESPEC_BYTES = 16
_STACK_BYTES = 4096
_CPU = 36  # field 39 of stat, counted behind the name: where it was last
_MOST_CPUS = 12
# Of a thread's scheduling statistics: when it was last on a CPU, and how often. The rest is for kernel developers.
_SCHEDULING = (
    b"se.exec_start",
    b"se.sum_exec_runtime",
    b"nr_switches",
    b"nr_voluntary_switches",
    b"nr_involuntary_switches",
)
_MACHINES = {62: b"x86_64", 183: b"aarch64", 3: b"i386", 40: b"arm", 243: b"riscv64", 22: b"s390x", 21: b"ppc64"}


class _Pointers(msgspec.Struct, frozen=True):
    """Calls of one architecture, by number, whose arguments point at something that tells: which argument that is."""

    futex: int
    paths: dict[int, int]
    timespecs: dict[int, int]


_ABIS = {
    b"x86_64": _Pointers(
        futex=202,
        # open stat lstat access truncate rename mkdir rmdir creat link unlink readlink statfs openat newfstatat statx
        paths={
            2: 0,
            4: 0,
            6: 0,
            21: 0,
            76: 0,
            82: 0,
            83: 0,
            84: 0,
            85: 0,
            86: 0,
            87: 0,
            89: 0,
            137: 0,
            257: 1,
            262: 1,
            332: 1,
        },
        timespecs={271: 2, 270: 4, 441: 3},  # ppoll pselect6 epoll_pwait2
    ),
    b"aarch64": _Pointers(
        futex=98,
        paths={43: 0, 45: 0, 48: 1, 56: 1, 79: 1, 291: 1},  # statfs truncate faccessat openat newfstatat statx
        timespecs={73: 2, 72: 4, 441: 3},
    ),
}
_NO_POINTERS = _Pointers(futex=-1, paths={}, timespecs={})


async def collect_waits(look: Look) -> None:
    """Keep ``waits.0``, ``waits.1``, ...: a bundle an instant."""
    host, pid = look.host, look.guest.pid
    for number, part in enumerate(_AT_LIGHT if look.light else _AT):
        await host.sleep_until(look.start_ns + int((look.end_ns - look.start_ns) * part))
        if not still_same(host, look.guest.process):
            look.keep(gone(look, f"waits.{number}", Kind.WAITS))
            return
        look.keep(await wait_instant(host, pid, f"waits.{number}"))


async def wait_instant(host: Host, pid: int, name: str) -> Evidence:
    """Read what all threads of one process wait for, at one instant. What was read before it hung is kept."""
    begin_ns, wall_ns = host.mono_ns(), host.wall_ns()
    parts: list[Part] = []
    outcome, detail = Outcome.OK, ""
    try:
        detail = await host.patiently(lambda: _read(host, pid, parts), _READ_TIMEOUT_S)
    except OSError as error:  # TimeoutError is one
        outcome, detail = outcome_of(error)
    seen = tuple(parts)  # the reader may still be at work
    if outcome is Outcome.OK and detail:
        outcome = Outcome.TRUNCATED
    elif outcome is Outcome.TIMED_OUT and seen:
        outcome, detail = Outcome.TRUNCATED, f"{detail}; {len(seen)} files were read before"
    return Evidence(
        id=name,
        kind=Kind.WAITS,
        source=f"/proc/{pid}/task",
        outcome=outcome,
        detail="; ".join(filter(None, (detail, missed(seen)))),
        data=pack(seen),
        mono_ns=begin_ns,
        wall_ns=wall_ns,
        took_ns=host.mono_ns() - begin_ns,
    )


def _read(host: Host, pid: int, parts: list[Part]) -> str:
    """Put parts into the list; say what was left out. QEMU's memory comes last: its lock may be held by who hangs."""
    tids = host.names(f"/proc/{pid}/task")
    machine = _machine(host, pid)
    parts.append(machine)
    for tid in tids[:THREAD_LIMIT]:
        parts.extend(_thread(host, f"/proc/{pid}/task/{tid}"))
    parts.extend(_clocks(host, [part.data for part in parts if part.name.endswith("/stat")]))
    calls = [part for part in parts if part.name.endswith("/syscall")]
    for call in calls:
        parts.extend(_pointed_at(host, pid, call, _ABIS.get(machine.data, _NO_POINTERS)))
    return f"{THREAD_LIMIT} of {len(tids)} threads" if len(tids) > THREAD_LIMIT else ""


def _machine(host: Host, pid: int) -> Part:
    """The architecture of the program, by which its system calls are numbered."""
    try:
        header = host.read_at(f"/proc/{pid}/exe", 0, 20)
    except OSError as error:
        return Part("machine", outcome=outcome_of(error)[0])
    (number,) = struct.unpack_from("<H", header, 18) if len(header) == 20 else (0,)
    return Part("machine", _MACHINES.get(number, b"ELF machine %d" % number))


def _thread(host: Host, folder: str) -> Iterator[Part]:
    yield Part(f"{folder}/mono_ns", b"%d\n" % host.mono_ns())
    for name in ("comm", "stat", "wchan"):
        yield read_part(host, f"{folder}/{name}", 8192)
    yield read_part(host, f"{folder}/syscall", 512)
    yield _scheduling(host, folder, folder)
    yield read_part(host, f"{folder}/schedstat", 128)
    yield read_part(host, f"{folder}/stack", _STACK_BYTES)


def _clocks(host: Host, stats: Sequence[bytes]) -> Iterator[Part]:
    """Read the scheduler's clock of each CPU on which a thread was last: by what it says of us, who go there for it.

    When a thread was last on a CPU is told on that CPU's clock, which leaves out interrupts and what the CPU's own host took, so
    that clocks of two CPUs are not the same.
    """
    cpus = [fields[_CPU] for line in stats if len(fields := line.rpartition(b")")[2].split()) > _CPU]
    for cpu in [cpu for cpu in dict.fromkeys(cpus) if cpu.isdigit()][:_MOST_CPUS]:
        if host.stay_on(int(cpu)):
            yield _scheduling(host, "/proc/thread-self", f"cpu{int(cpu)}")


def _scheduling(host: Host, folder: str, name: str) -> Part:
    whole = read_part(host, f"{folder}/sched", 8192)
    lines = [line for line in whole.data.splitlines(keepends=True) if line.startswith(_SCHEDULING)]
    return Part(f"{name}/sched", b"".join(lines), whole.outcome)


def _pointed_at(host: Host, pid: int, call: Part, pointers: _Pointers) -> Iterator[Part]:
    """What a call's argument points at: the words of a lock, a timeout, a path."""
    words, folder = call.data.split(), call.name.rpartition("/")[0]
    if len(words) < 9 or not words[0].isdigit():
        return
    number, arguments = int(words[0]), [int(word, 16) for word in words[1:7]]
    if number == pointers.futex:
        yield _hex(_memory(host, pid, arguments[0], _MUTEX_BYTES, f"{folder}/futex"))
    elif number in pointers.timespecs and arguments[pointers.timespecs[number]]:
        yield _hex(_memory(host, pid, arguments[pointers.timespecs[number]], _TIMESPEC_BYTES, f"{folder}/timeout"))
    elif number in pointers.paths:
        found = _memory(host, pid, arguments[pointers.paths[number]], _PATH_BYTES, f"{folder}/path")
        yield Part(found.name, found.data.partition(b"\0")[0], found.outcome)


def _hex(part: Part) -> Part:
    return Part(part.name, part.data.hex().encode(), part.outcome)


def _memory(host: Host, pid: int, address: int, length: int, name: str) -> Part:
    try:
        # Not across a page's end: what lies behind it may not be there.
        return Part(name, host.read_at(f"/proc/{pid}/mem", address, min(length, 4096 - address % 4096)))
    except OverflowError:  # no address of a process
        return Part(name, outcome=Outcome.ABSENT)
    except OSError as error:
        return Part(name, outcome=outcome_of(error)[0])


COLLECTOR = Collector(
    name="waits", cost=Cost.READS, timeout_s=4.0, limit_bytes=8 << 20, run=collect_waits, cpu_ns=60_000_000
)
