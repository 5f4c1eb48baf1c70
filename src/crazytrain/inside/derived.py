"""Layouts without type information: what VMCOREINFO says, what never changed, and what the kernel's first tasks give away.

A task is known by its list, which is whole or is none: from ``init_task`` ("swapper") one place leads through tasks with
believable names back to where it began, each linked both ways. What fits in all of them, and in one place only, is believed.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from crazytrain.inside.kernel import Bits
from crazytrain.inside.paging import AddressSpace
from crazytrain.inside.symbols import Symbols
from crazytrain.model.guest_memory import Unreadable

_MOST_TASK = 16 << 10
_MOST_CHAIN = 4096
_MOST_LOOKED = 64
_FEWEST = 8
_TRIES = 4
_COMM_BYTES = 16
_HIGHEST_PID = 1 << 22
_KERNEL = 1 << 63
_PF_KTHREAD, _PF_NO_SETAFFINITY = 0x0020_0000, 0x0400_0000
_IDLE, _SLEEPS = 0x402, 0x1
_HIGHEST_STATE = 1 << 16
_FIRST_NAME = b"swapper"
_CLOCKSOURCES = {
    b"tsc",
    b"tsc-early",
    b"hpet",
    b"acpi_pm",
    b"kvm-clock",
    b"jiffies",
    b"refined-jiffies",
    b"xen",
    b"pit",
}
_MOST_CLOCKSOURCE = 256

# What VMCOREINFO's names are made of: the structure behind a member, and the size of what has not 8 bytes.
_BEHIND = {"desc_ring": "prb_desc_ring", "text_data_ring": "prb_data_ring", "text_blk_lpos": "prb_data_blk_lpos"}
_SIZES = {"count_bits": 4, "size_bits": 4, "text_len": 2}
# What was never elsewhere (see generations for when there is such a structure).
_FIXED = {("pcpu_hot", "current_task"): Bits(0, 8, 0, 64)}


class Derived:
    """What can be known of layouts without BTF. All else raises ``Unreadable``."""

    source = "derived"

    def __init__(
        self, space: AddressSpace, symbols: Symbols, notes: Mapping[str, str], *, lasting: bool = True
    ) -> None:
        self.lasting = lasting
        self._space, self._symbols, self._notes = space, symbols, notes
        self._task: dict[str, Bits] | None = None

    def member(self, name: str, path: str) -> Bits:
        """Give a member. Raises ``Unreadable``."""
        found = self._members_of(name).get(path) or _FIXED.get((name, path)) or self._noted(name, path)
        if found is None:
            raise Unreadable(f"where {name}.{path} lies cannot be told: this kernel carries no type information")
        return found

    def size(self, name: str) -> int:
        """Give the size of a type. Raises ``Unreadable``."""
        size = _whole(self._notes.get(f"SIZE({name})"))
        if size is None:
            raise Unreadable(f"the size of {name} cannot be told: this kernel carries no type information")
        return size

    def value(self, enum: str, name: str) -> int:
        """None is known. Raises ``Unreadable``."""
        raise Unreadable(f"{name} of {enum} cannot be told: this kernel carries no type information")

    def _members_of(self, name: str) -> Mapping[str, Bits]:
        if name == "clocksource":
            return _clocksource(self._space, self._symbols)
        if name != "task_struct":
            return {}
        if self._task is None:
            self._task = self._patiently()
        return self._task

    def _patiently(self) -> dict[str, Bits]:
        """The list may be torn just when it is looked at. What fails several times is not remembered as a fact."""
        for _ in range(_TRIES):
            try:
                return _task(self._space, self._symbols)
            except Unreadable as error:
                trouble = error
        self.lasting = False
        raise trouble

    def _noted(self, name: str, path: str) -> Bits | None:
        """By VMCOREINFO, from structure to structure."""
        if (name, path) == ("printk_info", "level"):
            length = self._noted(name, "text_len")  # u16 text_len; u8 facility; u8 flags:5, level:3
            return Bits(length.offset + 3, 1, 5, 3) if length else None
        offset, struct, step = 0, name, ""
        for step in path.split("."):
            number = _whole(self._notes.get(f"OFFSET({struct}.{step})"))
            if number is None:
                return None
            offset += number
            struct = _BEHIND.get(step, "")
        size = _SIZES.get(step, 8)
        return Bits(offset, size, 0, 8 * size)


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and len(text) < 10 and text.isdecimal() else None


class _Chain(NamedTuple):
    """Where tasks are linked, where their names are, and the tasks themselves as bytes by address, the first one first."""

    links: int
    comm: int
    tasks: dict[int, bytes]


def _task(space: AddressSpace, symbols: Symbols) -> dict[str, Bits]:
    """What can be told of ``task_struct``. Raises ``Unreadable`` where not even the list can be found."""
    init = symbols["init_task"]
    first = _first_task(space, init)
    comm = first.find(_FIRST_NAME)
    if comm < 0:
        raise Unreadable("the kernel's first task has no name where it should")
    chains = (_chain(space, init, links, comm, first) for links in range(0, comm, 8))
    chain = max((one for one in chains if one), key=lambda one: len(one.tasks), default=None)
    if chain is None or len(chain.tasks) < _FEWEST:
        raise Unreadable("how the kernel links its tasks cannot be told")
    found = {"comm": Bits(comm, _COMM_BYTES, 0, 128), "tasks": Bits(chain.links, 16, 0, 128)}
    pid = _where(chain, _is_pid, range(0, comm, 4))
    if pid is None:
        raise Unreadable("where a task keeps its number cannot be told")
    found |= {"pid": _u32(pid), "tgid": _u32(pid + 4)}
    for name, fits, size in (("state", _is_state, 4), ("flags", _is_flags, 4), ("real_parent", _is_parent, 8)):
        place = _where(chain, fits, range(pid + 8 if size == 8 else 0, comm, size))
        if place is not None:
            found[name] = Bits(place, size, 0, 8 * size)
    return found


def _u32(offset: int) -> Bits:
    return Bits(offset, 4, 0, 32)


def _first_task(space: AddressSpace, init: int) -> bytes:
    """As much of the first task as there is, a page at a time."""
    data = b""
    while len(data) < _MOST_TASK:
        step = 4096 - (init + len(data)) % 4096
        try:
            data += space.read(init + len(data), step)
        except Unreadable:
            break
    return data


def _chain(space: AddressSpace, init: int, links: int, comm: int, first: bytes) -> _Chain | None:
    """Follow one place as if it were the list of tasks; ``None`` where it is not."""
    tasks = {init: first[: comm + _COMM_BYTES]}
    before, node = init + links, _word(first, links)
    while node != init + links and len(tasks) < _MOST_CHAIN:
        if node < _KERNEL or node % 8 or node - links in tasks:
            return None
        try:
            data = space.read(node - links, comm + _COMM_BYTES)
        except Unreadable:
            return None
        if _word(data, links + 8) != before or not _is_name(data[comm:]):
            return None
        tasks[node - links] = data
        before, node = node, _word(data, links)
    return _Chain(links, comm, tasks)


def _is_name(raw: bytes) -> bool:
    name, _, _ = raw.partition(b"\0")
    return 0 < len(name) < _COMM_BYTES and all(32 <= letter < 127 for letter in name)


def _word(data: bytes, at: int, size: int = 8) -> int:
    return int.from_bytes(data[at : at + size], "little")


_Fits = Callable[[list[bytes], list[int], int], bool]


def _where(chain: _Chain, fits: _Fits, places: range) -> int | None:
    """The first place that fits in all tasks that are looked at."""
    datas, addresses = list(chain.tasks.values())[:_MOST_LOOKED], list(chain.tasks)
    return next((place for place in places if fits(datas, addresses, place)), None)


def _is_pid(datas: list[bytes], _: list[int], at: int) -> bool:
    """0, 1, 2, then others, none twice; and the number of the thread group, the same, behind it."""
    pids = [_word(data, at, 4) for data in datas]
    if pids[:3] != [0, 1, 2] or len(set(pids)) != len(pids) or max(pids) > _HIGHEST_PID:
        return False
    return pids == [_word(data, at + 4, 4) for data in datas]


def _is_state(datas: list[bytes], _: list[int], at: int) -> bool:
    """The first task runs; of the others some sleep, and some kernel threads are idle."""
    states = [_word(data, at, 4) for data in datas]
    if states[0] or max(states) >= _HIGHEST_STATE or any((state & 0xFF).bit_count() > 1 for state in states):
        return False
    return any(state & _IDLE == _IDLE for state in states) and any(state & 0xFF == _SLEEPS for state in states)


def _is_flags(datas: list[bytes], _: list[int], at: int) -> bool:
    """The first and the third task (kthreadd) are the kernel's, the second (init) is not; the first has hardly another flag."""
    flags = [_word(data, at, 4) for data in datas[:3]]
    if [bool(flag & _PF_KTHREAD) for flag in flags] != [True, False, True]:
        return False
    return flags[0] & ~(_PF_KTHREAD | _PF_NO_SETAFFINITY) <= 0xFF and flags[1] < 1 << 31


def _is_parent(datas: list[bytes], addresses: list[int], at: int) -> bool:
    """The first three come from the first; all come from some task."""
    parents = [_word(data, at) for data in datas]
    known = set(addresses)
    return parents[:3] == [addresses[0]] * 3 and all(parent in known for parent in parents)


def _clocksource(space: AddressSpace, symbols: Symbols) -> dict[str, Bits]:
    """Where a clocksource keeps its name: the first pointer in the current one that leads to a name that we know."""
    place = space.u64(symbols["curr_clocksource"])
    data = space.read(place, _MOST_CLOCKSOURCE)
    for at in range(0, _MOST_CLOCKSOURCE, 8):
        pointer = _word(data, at)
        if pointer >= _KERNEL and _leads_to_name(space, pointer):
            return {"name": Bits(at, 8, 0, 64)}
    return {}


def _leads_to_name(space: AddressSpace, pointer: int) -> bool:
    try:
        return space.text(pointer, 32).encode() in _CLOCKSOURCES
    except Unreadable:
        return False
