"""Tasks that sleep for a mutex or a read-write semaphore: for which, and who holds it.

A waiter is a structure on the stack of who sleeps, linked in a ring with the others: ``list``, then the task itself. The lock
is in that ring, too; since 7.2 it only points to the first waiter, and is looked for among what lies on the stack. Whatever is
believed fits both ways: the lock leads to the waiter, and its owner is a task that was listed.
"""

import struct
from typing import NamedTuple

from crazytrain.inside import generations
from crazytrain.inside.attempts import Attempts
from crazytrain.inside.kernel import Kernel
from crazytrain.inside.lock_names import kind_of, lock_name
from crazytrain.inside.tasks import Tasks
from crazytrain.model.facts.inside import GuestTask, LockWait
from crazytrain.model.guest_memory import Unreadable

_KERNEL = 1 << 63
_MOST_STACK = 32 << 10
_MOST_RING = 512
_MOST_LOCKS = 200
_MOST_WAITERS = 4  # that a stack may seem to hold
_MOST_LOOKS = 100_000  # in all: each is a read of memory
_FLAGS = 7  # of an owner, whose task_struct is aligned
_READERS = 1  # RWSEM_READER_OWNED


class _Ways(NamedTuple):
    """How the structures of one kind of lock are laid out."""

    kind: str
    links: int  # of the waiter
    task: int
    owner: int  # of the lock
    waiters: int
    ring: bool  # the lock is in the ring of its waiters


class _Search:
    """Reads what pointers lead to. A guest that means ill may lay a trail without an end: there is a bound for all of it."""

    def __init__(self, kernel: Kernel, tasks: dict[int, GuestTask]) -> None:
        self.space = kernel.space
        self.tasks = tasks
        self._left = _MOST_LOOKS

    def u64(self, address: int) -> int:
        """Read a word. Raises ``Unreadable``."""
        self._left -= 1
        return self.space.u64(address)

    def go_on(self) -> None:
        """Raise ``Unreadable`` where enough was looked at."""
        if self._left < 0:
            raise Unreadable("there was too much to look through for locks")


def sleepers(kernel: Kernel, tasks: Tasks, attempts: Attempts) -> tuple[LockWait, ...]:
    """Tell which tasks, of those whose stacks were read, sleep for a lock; what cannot be read is noted."""
    everybody = dict(zip(tasks.addresses, tasks.tasks, strict=True))
    search = _Search(kernel, everybody)
    found: list[LockWait] = []
    for address, task in everybody.items():
        names = [(frame.name, kind) for frame in task.stack if (kind := kind_of(frame.name, generations.SLEEPING))]
        if names and len(found) < _MOST_LOCKS:
            lock = attempts.get("locks", _lock, kernel, names[0][1], search, address)
            found.append(_wait(kernel, task, names[0], lock, everybody))
    return tuple(found)


class _Lock(NamedTuple):
    address: int
    owner: int


def _wait(
    kernel: Kernel, task: GuestTask, where: tuple[str, str], lock: _Lock | None, everybody: dict[int, GuestTask]
) -> LockWait:
    function, kind = where
    by_readers = lock is not None and kind == "rwsem" and lock.owner & _READERS
    holder = everybody.get(lock.owner & ~_FLAGS) if lock and not by_readers else None
    why = "" if holder else _why(lock, bool(by_readers))
    return LockWait(
        kind=kind,
        pid=task.pid,
        comm=task.comm,
        function=function,
        lock=lock.address if lock else 0,
        lock_name=lock_name(kernel.symbols, lock.address) if lock else "",
        holder_pid=holder.pid if holder else None,
        holder_comm=holder.comm if holder else "",
        holder_cpu=holder.cpu if holder and holder.on_cpu else None,
        holder_why=why,
    )


def _why(lock: _Lock | None, by_readers: bool) -> str:
    if lock is None:
        return "which lock it is, could not be told for sure"
    if by_readers:
        return "readers hold it, and the lock does not note which"
    return "nobody held it when it was read"


def _lock(kernel: Kernel, kind: str, search: _Search, sleeper: int) -> _Lock | None:
    """The lock that a task sleeps for; ``None`` where none fits."""
    ways = _ways(kernel, kind)
    start, words = _stack(kernel, sleeper)
    for waiter in _waiters(ways, start, words, sleeper)[:_MOST_WAITERS]:
        search.go_on()
        ring = _ring(search, waiter)
        if ways.ring:
            candidates = [node - ways.waiters for node in ring[1:]]
        else:
            stack = range(start, start + 8 * len(words))
            candidates = [word for word in dict.fromkeys(words) if word not in stack]
        nodes = set(ring)
        for candidate in candidates:
            owner = _owner(search, ways, candidate, nodes)
            if owner is not None:
                return _Lock(candidate, owner)
    return None


def _ways(kernel: Kernel, kind: str) -> _Ways:
    layout = kernel.layout
    lock, waiter = generations.LOCK_TYPES[kind]
    ring = True
    try:
        waiters = layout.field(lock, "wait_list").offset
    except Unreadable:
        waiters, ring = layout.field(lock, "first_waiter").offset, False
    return _Ways(
        kind=kind,
        links=layout.field(waiter, "list").offset,
        task=layout.field(waiter, "task").offset,
        owner=layout.field(lock, "owner").offset,
        waiters=waiters,
        ring=ring,
    )


def _stack(kernel: Kernel, task: int) -> tuple[int, tuple[int, ...]]:
    """What lies on the stack of a task that sleeps: from where on, and the words of 8 bytes."""
    layout, space = kernel.layout, kernel.space
    sp = space.u64(task + layout.field("task_struct", "thread.sp").offset)
    base = space.u64(task + layout.field("task_struct", "stack").offset)
    if sp % 8 or not base <= sp < base + _MOST_STACK:
        raise Unreadable("the stack of a task that sleeps for a lock is not where it should be")
    end = -(-(sp + 1) // 4096) * 4096  # to the end of the page, and on as far as the stack may go
    data = space.read(sp, end - sp)
    while end < base + _MOST_STACK:
        try:
            data += space.read(end, 4096)
        except Unreadable:
            break
        end += 4096
    return sp, struct.unpack(f"<{len(data) // 8}Q", data)


def _waiters(ways: _Ways, start: int, words: tuple[int, ...], sleeper: int) -> list[int]:
    """Where the links of a waiter may lie: the task's own address is where it belongs, kernel pointers before."""
    apart = (ways.task - ways.links) // 8
    found = []
    for place, word in enumerate(words):
        at = place - apart
        if word == sleeper and at >= 0 and words[at] >= _KERNEL and words[at + 1] >= _KERNEL:
            found.append(start + 8 * at)
    return found


def _ring(search: _Search, waiter: int) -> list[int]:
    """The nodes of a ring of links, each linked both ways, this waiter's first; only that one where it is none."""
    nodes, node = [waiter], waiter
    while len(nodes) < _MOST_RING:
        try:
            onward = search.u64(node)
            if onward % 8 or search.u64(onward + 8) != node:
                return nodes[:1]
        except Unreadable:
            return nodes[:1]
        if onward == waiter:
            return nodes
        nodes.append(onward)
        node = onward
    return nodes[:1]


def _owner(search: _Search, ways: _Ways, lock: int, ring: set[int]) -> int | None:
    """The owner's word of a lock, where it is one: it leads into the ring, no waiter itself; ``None`` where it is not."""
    if lock < _KERNEL or lock % 8:
        return None
    try:
        onward, owner = search.u64(lock + ways.waiters), search.u64(lock + ways.owner)
        if ways.ring and search.u64(lock + ways.waiters - ways.links + ways.task) in search.tasks:
            return None
    except Unreadable:
        return None
    into_ring = (onward if ways.ring else (onward & ~_FLAGS) + ways.links) in ring
    free = ways.ring and not owner & ~_FLAGS  # what was only found lying about has to have an owner to be believed
    return owner if into_ring and (free or owner & ~_FLAGS in search.tasks) else None
