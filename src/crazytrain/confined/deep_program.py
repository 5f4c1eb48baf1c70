"""A drgn program over a running guest: its memory, symbols and types as we read them. drgn is the extra ``[deep]``."""

import bisect
from collections.abc import Iterator

import drgn
from drgn import FaultError, FindObjectFlags, Object, Program, SymbolIndex

from crazytrain.confined.deep_types import DeepTypes
from crazytrain.inside.find_kernel import find_kernel
from crazytrain.inside.kernel import Kernel
from crazytrain.inside.memory import Memory
from crazytrain.inside.registers import parse_registers
from crazytrain.model.guest_memory import Unreadable
from crazytrain.model.inside_talk import Begin

_MOST_NOTE_BYTES = 1 << 16
_MOST_BTF_BYTES = 32 << 20
_LONGEST_SYMBOL = 1 << 20
# BTF tells the types of per-CPU variables alone. These others are what drgn's helpers begin with.
_GLOBALS = {
    "init_task": "struct task_struct",
    "init_mm": "struct mm_struct",
    "init_pid_ns": "struct pid_namespace",
    "init_uts_ns": "struct uts_namespace",
    "init_net": "struct net",
    "__per_cpu_offset": "unsigned long []",
    "task_state_array": "char *[]",
    "__cpu_online_mask": "struct cpumask",
    "__cpu_possible_mask": "struct cpumask",
    "__cpu_present_mask": "struct cpumask",
    "nr_cpu_ids": "unsigned int",
    "jiffies": "unsigned long",
    "jiffies_64": "u64",
    "prb": "struct printk_ringbuffer *",
    "clear_seq": "struct latched_seq",
    "modules": "struct list_head",
    "super_blocks": "struct list_head",
    "slab_caches": "struct list_head",
    "clocksource_list": "struct list_head",
    "curr_clocksource": "struct clocksource *",
    "root_task_group": "struct task_group",
    "avenrun": "unsigned long [3]",
    "page_offset_base": "unsigned long",
    "vmalloc_base": "unsigned long",
    "vmemmap_base": "unsigned long",
    "saved_command_line": "char *",
    "vm_node_stat": "atomic_long_t [64]",
    "node_data": "struct pglist_data *[1024]",
    "root_mem_cgroup": "struct mem_cgroup *",
}


class Deep:
    """The program, and what of it could not be had."""

    def __init__(self, memory: Memory, begin: Begin) -> None:
        self.kernel, _ = find_kernel(memory, parse_registers(begin.registers))
        self.program = Program(drgn.Platform(drgn.Architecture.X86_64))
        self.missing: list[str] = []
        self._memory = memory
        for segment in begin.segments:
            self.program.add_memory_segment(segment.address, segment.size_bytes, self._read, physical=True)
        self.program.set_linux_kernel_custom(_note(self.kernel), is_live=True)
        symbols = SymbolIndex(list(_symbols(self.kernel)))
        self.program.register_symbol_finder("crazytrain", symbols, enable_index=0)
        self._types = self._typed()

    def _read(self, address: int, count: int, _offset: int, _physical: bool) -> bytes:
        try:
            return self._memory.read(address, count)
        except Unreadable as error:
            raise FaultError(str(error), address) from error

    def _typed(self) -> DeepTypes | None:
        try:
            types = DeepTypes(self.program, _btf(self.kernel))
        except Unreadable as error:
            self.missing.append(f"no types: {error}")
            return None
        self.program.register_type_finder("crazytrain", types.find, enable_index=0)
        self.program.register_object_finder("crazytrain", self._object, enable_index=0)
        return types

    def _object(self, program: Program, name: str, flags: FindObjectFlags, _filename: str | None) -> Object | None:
        """A variable, function or enumerator by its name, where its type is known."""
        if flags & FindObjectFlags.CONSTANT and self._types and (constant := self._types.constant(name)) is not None:
            return constant
        address = self.kernel.symbols.get(name)
        if address is None or self._types is None:
            return None
        if flags & FindObjectFlags.FUNCTION and (function := self._types.of(name)) is not None:
            return Object(program, function, address=address)
        if not flags & FindObjectFlags.VARIABLE:
            return None
        type_ = self._types.variable(name) or (program.type(_GLOBALS[name]) if name in _GLOBALS else None)
        return None if type_ is None else Object(program, self._sized(type_, address), address=address)

    def _sized(self, type_: drgn.Type, address: int) -> drgn.Type:
        """The same; an array without a length reaches to the next symbol, or to the zeros before it."""
        if type_.kind is not drgn.TypeKind.ARRAY or type_.length is not None:
            return type_
        addresses = self.kernel.symbols.addresses
        after = bisect.bisect_right(addresses, address)
        end = min(addresses[after] if after < len(addresses) else address, address + _LONGEST_SYMBOL)
        size = drgn.sizeof(type_.type)
        held = len(self.kernel.space.read(address, end - address).rstrip(b"\0"))
        return self.program.array_type(type_.type, -(-held // size))


def _btf(kernel: Kernel) -> bytes:
    start, stop = kernel.symbols["__start_BTF"], kernel.symbols["__stop_BTF"]
    if not 0 < stop - start <= _MOST_BTF_BYTES:
        raise Unreadable("the kernel's type information has no believable size")
    return kernel.space.read(start, stop - start)


def _note(kernel: Kernel) -> bytes:
    """The kernel's crash note, whole. drgn takes the place of the page tables from it."""
    place = kernel.space.u64(kernel.symbols["vmcoreinfo_data"])
    size = kernel.space.u64(kernel.symbols["vmcoreinfo_size"])
    if not 0 < size <= _MOST_NOTE_BYTES:
        raise Unreadable("the kernel's crash note has no believable size")
    return kernel.space.read(place, size)


def _symbols(kernel: Kernel) -> Iterator[drgn.Symbol]:
    """Our symbols as drgn's: each reaches to the next one."""
    rows = sorted(kernel.symbols)
    ends = [address for address, _, _ in rows[1:]] + [rows[-1][0] + 1 if rows else 0]
    for (address, letter, name), end in zip(rows, ends, strict=True):
        code = letter.lower() in "tw"
        kind = drgn.SymbolKind.FUNC if code else drgn.SymbolKind.OBJECT
        bound = drgn.SymbolBinding.GLOBAL if letter.isupper() else drgn.SymbolBinding.LOCAL
        yield drgn.Symbol(name, address, max(1, min(end - address, _LONGEST_SYMBOL)), bound, kind)
