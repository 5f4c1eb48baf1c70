"""What a descriptor is for by what threads do with it: who reads and who writes an eventfd, who waits on a ring."""

from collections import defaultdict
from collections.abc import Iterator

import msgspec

from crazytrain.derive.descriptor_places import Meaning
from crazytrain.model import fdrole
from crazytrain.model.facts import (
    CallUse,
    Coverage,
    Descriptor,
    DescriptorTable,
    Facts,
    SyscallUse,
    ThreadActivity,
    ThreadRole,
)
from crazytrain.model.guest import Accelerator

_READS = frozenset(("read", "readv", "pread64"))
_WRITES = frozenset(("write", "writev", "pwrite64"))
_WAITS = frozenset(("epoll_wait", "epoll_pwait", "epoll_pwait2", "io_uring_enter"))
_KERNEL_DISK_IO = frozenset(("io_submit", "io_getevents", "io_pgetevents"))
_NEIGHBOURS = 2  # QEMU makes the main loop's signalfd and its wake-ups one after the other, before any device


class Deeds(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen, by object: two descriptors of one eventfd are one.

    ``readers`` and ``writers`` are roles of threads. ``all_threads`` tells that a call that was not seen did not happen in the window.
    """

    objects: dict[int, int]
    readers: dict[int, set[ThreadRole]]
    writers: dict[int, set[ThreadRole]]
    waiters: dict[int, set[ThreadRole]]
    paired: frozenset[int]
    all_threads: bool
    kernel_disk_io: bool
    signal_fds: tuple[int, ...]
    accelerator: Accelerator


def deeds_of(facts: Facts, table: DescriptorTable, accelerator: Accelerator) -> Deeds:
    """Gather who did what on which object."""
    use = facts.get(SyscallUse)
    calls = use.calls if use else ()
    roles = _roles(facts, table, use)
    objects, paired = _objects(table, calls)
    found: dict[str, dict[int, set[ThreadRole]]] = {"r": defaultdict(set), "w": defaultdict(set), "e": defaultdict(set)}
    for call in calls:
        deed = "r" if call.call in _READS else "w" if call.call in _WRITES else "e" if call.call in _WAITS else ""
        if deed and call.fd is not None and call.count > call.failed:
            found[deed][objects.get(call.fd, call.fd)].add(roles.get(call.tid, ThreadRole.OTHER))
    return Deeds(
        objects=objects,
        readers=found["r"],
        writers=found["w"],
        waiters=found["e"],
        paired=paired,
        all_threads=use is not None and use.coverage is Coverage.ALL_THREADS,
        kernel_disk_io=any(call.call in _KERNEL_DISK_IO for call in calls),
        signal_fds=tuple(d.fd for d in table.of("signalfd")) if table.complete else (),
        accelerator=accelerator,
    )


def _roles(facts: Facts, table: DescriptorTable, use: SyscallUse | None) -> dict[int | None, ThreadRole]:
    """Roles by thread. A trace that names no thread is the main loop's where it reads a signalfd: no other thread does."""
    threads = facts.get(ThreadActivity)
    roles: dict[int | None, ThreadRole] = {t.tid: t.role for t in threads.threads} if threads else {}
    signal_fds = {d.fd for d in table.of("signalfd")}
    for call in use.calls if use else ():
        if call.tid not in roles and call.call in _READS and call.fd in signal_fds:
            roles[call.tid] = ThreadRole.MAIN_LOOP
    return roles


def _objects(table: DescriptorTable, calls: tuple[CallUse, ...]) -> tuple[dict[int, int], frozenset[int]]:
    """Give each eventfd its object: the kernel's number for it, or for old kernels a pair that one thread uses as one.

    QEMU up to about 1.3 held one eventfd twice (``dup``), wrote at one descriptor and read at the other.
    """
    eventfds = table.of("eventfd")
    first: dict[int, int] = {}
    for d in eventfds:
        if d.object_id is not None:
            first.setdefault(d.object_id, d.fd)
    objects = {d.fd: first.get(d.object_id, d.fd) if d.object_id is not None else d.fd for d in eventfds}
    if first:
        return objects, frozenset()
    pairs = list(_pairs({d.fd for d in eventfds}, calls))
    return objects | {high: low for low, high in pairs}, frozenset(fd for pair in pairs for fd in pair)


def _pairs(eventfds: set[int], calls: tuple[CallUse, ...]) -> Iterator[tuple[int, int]]:
    """Neighbours of which the same thread reads only the one and writes only the other."""
    read = {(c.tid, c.fd) for c in calls if c.call in _READS and c.fd in eventfds}
    written = {(c.tid, c.fd) for c in calls if c.call in _WRITES and c.fd in eventfds}
    for tid, fd in sorted(read - written, key=str):
        for other in (fd - 1, fd + 1) if fd is not None else ():
            if (tid, other) in written - read:
                yield min(fd or 0, other), max(fd or 0, other)


def role_by_use(descriptor: Descriptor, deeds: Deeds) -> Meaning | None:
    """What a descriptor is for, judged by what was done with it; ``None`` where that does not tell."""
    if descriptor.kind == "eventfd":
        return _eventfd(descriptor, deeds)
    if descriptor.kind in ("epoll", "io_uring"):
        return _ring(descriptor, deeds)
    return None


def _ring(descriptor: Descriptor, deeds: Deeds) -> Meaning | None:
    waiters = deeds.waiters.get(descriptor.fd, set())
    who = next((role for role in (ThreadRole.MAIN_LOOP, ThreadRole.IOTHREAD) if role in waiters), None)
    if who is None:
        return None
    what = fdrole.EVENT_LOOP if descriptor.kind == "epoll" else f"{fdrole.EVENT_LOOP} or {fdrole.DISK_IO}"
    article = "the" if who is ThreadRole.MAIN_LOOP else "an"
    return Meaning(f"{what} of {article} {who.value}", f"{article} {who.value} waits on it")


def _eventfd(descriptor: Descriptor, deeds: Deeds) -> Meaning | None:
    held = deeds.objects.get(descriptor.fd, descriptor.fd)
    readers, writers = deeds.readers.get(held, set()), deeds.writers.get(held, set())
    early = any(abs(descriptor.fd - fd) <= _NEIGHBOURS for fd in deeds.signal_fds)
    if descriptor.fd in deeds.paired and ThreadRole.MAIN_LOOP in readers | writers:
        why = "the main loop writes at one and reads at the other of two neighbours: most likely one object held twice"
        return Meaning(fdrole.MAIN_LOOP_WAKEUP, why)
    for loop, role in ((ThreadRole.MAIN_LOOP, fdrole.MAIN_LOOP_WAKEUP), (ThreadRole.IOTHREAD, fdrole.IOTHREAD_WAKEUP)):
        if loop in readers:
            return _read_by(loop, role, writers, deeds, early=early and loop is ThreadRole.MAIN_LOOP)
    if writers and not readers and deeds.all_threads and deeds.accelerator is Accelerator.KVM and not early:
        return Meaning(fdrole.INTERRUPT, f"{_names(writers)} wrote it and no thread read it: KVM does")
    if early and not readers - {ThreadRole.MAIN_LOOP}:
        return Meaning(
            fdrole.MAIN_LOOP_WAKEUP, f"QEMU opens it next to the main loop's signalfd (fd {_nearest(deeds)})"
        )
    return None


def _read_by(loop: ThreadRole, role: str, writers: set[ThreadRole], deeds: Deeds, *, early: bool) -> Meaning | None:
    """An eventfd that a loop reads: its wake-up, or a notice from the guest or the kernel."""
    if writers == {ThreadRole.VCPU} and deeds.accelerator is Accelerator.TCG and not early:
        return Meaning(fdrole.EMULATED_KICK, f"under TCG, only vCPU threads wrote it and {_the(loop)} read it")
    if writers:
        return Meaning(role, f"{_names(writers)} wrote it and {_the(loop)} read it")
    if early:
        return Meaning(role, f"{_the(loop)} read it; QEMU opens it next to the main loop's signalfd")
    if not deeds.all_threads:
        return None
    says = f"{_the(loop)} read it and no thread wrote it: the kernel does"
    kick = deeds.accelerator is Accelerator.KVM and not deeds.kernel_disk_io
    return Meaning(fdrole.KICK if kick else fdrole.KERNEL_NOTICE, says)


def _nearest(deeds: Deeds) -> int:
    return min(deeds.signal_fds)


def _the(role: ThreadRole) -> str:
    return "the main loop" if role is ThreadRole.MAIN_LOOP else f"an {role.value}"


def _names(roles: set[ThreadRole]) -> str:
    """Roles of threads in words: ``the main loop and vCPU threads``."""
    words = sorted("the main loop" if r is ThreadRole.MAIN_LOOP else f"{r.value} threads" for r in roles)
    return " and ".join(words)
